// Where the visitor writes: a text, an answer, a change of what was said, with or without photos.

import * as attachments from "./attachments.js";
import { byId } from "./dom.js";
import { attempt } from "./notes.js";
import { act, say } from "./server.js";
import * as suggestions from "./suggestions.js";
import { chatHere, here, isHere, on } from "./world.js";

const words = byId("words");
let about = null; // the message that is answered or, with `rewriting`, changed
let rewriting = false;
let place = { ...here }; // where it is being written
const drafts = new Map(); // by place: what was left unfinished there
const nameOf = ({ person, chat, topic }) => `${person}/${chat}/${topic}`;

/** Begin to take what the visitor writes. */
export function openComposer() {
  attachments.openAttachments(grow);
  suggestions.openSuggestions(words, { send: sendText, insert: write });
  on("reply", (message) => turnTo(message, false));
  on("rewrite", (message) => turnTo(message, true));
  on("write", write);
  on("moved", changePlace);
  on("state", () => {
    place = { ...here };
    const still = chatHere().messages.get(about?.id) ?? null;
    if (still === null) turnTo(null, false);
    about = still;
    answerLast();
  });
  on("message", (message) => isHere(message) && answerIfAsked(message));
  on("delete", ({ chat, id }) => chat === here.chat && about?.id === id && turnTo(null, false));
  words.addEventListener("input", grow);
  words.addEventListener("keydown", onKey);
  byId("reply-cancel").addEventListener("click", () => {
    turnTo(null, false);
    words.focus();
  });
  byId("skip").addEventListener("click", toField);
  byId("conversation").addEventListener("keydown", (key) => {
    if (key.key === "Escape" && !byId("composer").contains(key.target)) toField();
  });
  byId("form").addEventListener("submit", (submit) => {
    submit.preventDefault();
    send();
  });
}

/** Begin where one writes; where that would bring a keyboard up over it all, read first. */
export function enter() {
  if (matchMedia("(pointer: fine)").matches || byId("composer").hidden) toField();
  else byId("log").focus({ preventScroll: true });
}

/** The field, also from the middle of a long conversation; in a chat not begun, its only button. */
function toField() {
  byId("app").dataset.view = "chat";
  (byId("composer").hidden ? byId("start") : words).focus();
}

function onKey(key) {
  if (key.isComposing || suggestions.took(key)) return;
  if (key.key === "Enter" && !key.shiftKey) {
    key.preventDefault();
    send();
  } else if (key.key === "Escape") {
    attachments.clear();
    turnTo(null, false);
  } else if (key.key === "ArrowUp" && words.value === "") {
    const own = [...chatHere().messages.values()].filter((one) => one.from.id === here.person);
    const last = own.filter((one) => isHere(one) && one.text).at(-1);
    if (last) turnTo(last, true);
  }
}

/** Send what is written and attached; the field is free at once, so that nothing goes out twice. */
async function send() {
  const text = words.value.trim();
  const files = attachments.take();
  if (!text && files.length === 0) return;
  const { person, chat, topic } = here;
  const [target, changed] = [about, rewriting];
  turnTo(null, false);
  write("");
  const done = changed
    ? await attempt(() => act("change", { person, chat, message: target.id, text }))
    : await attempt(() => say({ person, chat, topic, reply: target?.id ?? null, text }, files));
  if (done === null) putBack({ person, chat, topic }, { text, files, about: target?.id }, changed);
}

/** What could not be sent is there again, before what was written there since. */
function putBack(where, draft, changed) {
  if (nameOf(where) !== nameOf(here)) {
    if (!drafts.has(nameOf(where))) drafts.set(nameOf(where), draft);
    return;
  }
  const since = words.value;
  attachments.add(draft.files);
  turnTo(chatHere().messages.get(draft.about) ?? null, changed);
  write([draft.text, since].filter(Boolean).join("\n"));
}

/** Leave what is unfinished where it is, and take up what is there. */
function changePlace() {
  if (nameOf(place) === nameOf(here)) return;
  const left = { text: words.value, files: attachments.take(), about: about?.id };
  if (!rewriting && (left.text || left.files.length || left.about)) drafts.set(nameOf(place), left);
  about = null;
  rewriting = false;
  place = { ...here };
  const draft = drafts.get(nameOf(place)) ?? { text: "", files: [] };
  drafts.delete(nameOf(place));
  attachments.put(draft.files);
  put(draft.text);
  turnTo(chatHere().messages.get(draft.about) ?? null, false, false);
  answerLast();
}

function sendText(text) {
  write(text);
  send();
}

/** Put words into the field, and write on there. */
function write(text) {
  words.focus();
  put(text);
}

function put(text) {
  words.value = text;
  words.dispatchEvent(new Event("input"));
}

/** Answer or change a message from now on; null is neither. */
function turnTo(message, change, focus = true) {
  if (rewriting && !change) put("");
  about = message;
  rewriting = change && message !== null;
  byId("reply-bar").hidden = message === null;
  words.placeholder = placeholder(message);
  if (message === null) return;
  byId("reply-name").textContent = rewriting ? "Change your message" : `Answer ${message.from.name}`;
  byId("reply-words").textContent = message.text || message.media?.kind || "";
  if (rewriting) write(message.text);
  if (focus) words.focus();
}

function placeholder(message) {
  if (message?.ask?.placeholder) return message.ask.placeholder;
  if (message !== null) return "Your answer";
  return chatHere().type === "private" ? "An idea for a video, or /" : "Message, or /video …";
}

/** A bot's question opens the answer to it, as Telegram does. */
function answerIfAsked(message, focus = true) {
  const { ask } = message;
  if (ask && (ask.whom === null || ask.whom === here.person)) turnTo(message, false, focus);
}

function answerLast() {
  const last = [...chatHere().messages.values()].filter(isHere).at(-1);
  if (last && about === null) answerIfAsked(last, false);
}

/** Let the field be as high as what is written in it; hidden, it has no height to go by. */
function grow() {
  words.style.height = "auto";
  if (words.scrollHeight) words.style.height = `${words.scrollHeight}px`;
}
