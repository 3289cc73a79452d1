// The message field: new messages, replies and edits, with drafts and attached files.

import * as attachments from "./attachments.js";
import { byId } from "./dom.js";
import { attempt } from "./notes.js";
import { act, say } from "./server.js";
import * as suggestions from "./suggestions.js";
import { chatHere, here, isHere, on } from "./world.js";

const words = byId("words");
let about = null; // the message that is answered or, with `rewriting`, edited
let rewriting = false;
let place = { ...here }; // where the text in the field belongs
const drafts = new Map(); // unsent texts, files and replies, by place
const keyOf = ({ person, chat, topic }) => `${person}/${chat}/${topic}`;

/** Set up the message field. */
export function openComposer() {
  attachments.openAttachments(grow);
  suggestions.openSuggestions(words, { send: sendText, insert: write });
  on("reply", (message) => setTarget(message, false));
  on("rewrite", (message) => setTarget(message, true));
  on("write", write);
  on("moved", changePlace);
  on("state", () => {
    place = { ...here };
    const still = chatHere().messages.get(about?.id) ?? null;
    if (still === null) setTarget(null, false);
    about = still;
    answerLast();
  });
  on("message", (message) => isHere(message) && answerIfAsked(message));
  on("delete", ({ chat, id }) => chat === here.chat && about?.id === id && setTarget(null, false));
  words.addEventListener("input", grow);
  words.addEventListener("keydown", onKey);
  byId("reply-cancel").addEventListener("click", () => {
    setTarget(null, false);
    words.focus();
  });
  byId("skip").addEventListener("click", focusField);
  byId("conversation").addEventListener("keydown", (key) => {
    if (key.key === "Escape" && !byId("composer").contains(key.target)) focusField();
  });
  byId("form").addEventListener("submit", (submit) => {
    submit.preventDefault();
    send();
  });
}

/** Focus the field, or on a touch screen the messages, so that no keyboard covers them. */
export function enter() {
  if (matchMedia("(pointer: fine)").matches || byId("composer").hidden) focusField();
  else byId("log").focus({ preventScroll: true });
}

/** Focus the field, or the start button if the field is hidden. */
function focusField() {
  byId("app").dataset.view = "chat";
  (byId("composer").hidden ? byId("start") : words).focus();
}

function onKey(key) {
  if (key.isComposing || suggestions.handleKey(key)) return;
  if (key.key === "Enter" && !key.shiftKey) {
    key.preventDefault();
    send();
  } else if (key.key === "Escape") {
    attachments.clear();
    setTarget(null, false);
  } else if (key.key === "ArrowUp" && words.value === "") {
    const own = [...chatHere().messages.values()].filter((one) => one.from.id === here.person);
    const last = own.filter((one) => isHere(one) && one.text).at(-1);
    if (last) setTarget(last, true);
  }
}

/** Send the text and files; the field is emptied at once, so that nothing is sent twice. */
async function send() {
  const text = words.value.trim();
  const files = attachments.take();
  if (!text && files.length === 0) return;
  const { person, chat, topic } = here;
  const [target, changed] = [about, rewriting];
  setTarget(null, false);
  write("");
  const done = changed
    ? await attempt(() => act("change", { person, chat, message: target.id, text }))
    : await attempt(() => say({ person, chat, topic, reply: target?.id ?? null, text }, files));
  if (done === null) putBack({ person, chat, topic }, { text, files, about: target?.id }, changed);
}

/** Restore an unsent draft before the text written there since. */
function putBack(where, draft, changed) {
  if (keyOf(where) !== keyOf(here)) {
    if (!drafts.has(keyOf(where))) drafts.set(keyOf(where), draft);
    return;
  }
  const since = words.value;
  attachments.add(draft.files);
  setTarget(chatHere().messages.get(draft.about) ?? null, changed);
  write([draft.text, since].filter(Boolean).join("\n"));
}

/** Store the draft of the place left, and restore that of the new one. */
function changePlace() {
  if (keyOf(place) === keyOf(here)) return;
  const left = { text: words.value, files: attachments.take(), about: about?.id };
  if (!rewriting && (left.text || left.files.length || left.about)) drafts.set(keyOf(place), left);
  about = null;
  rewriting = false;
  place = { ...here };
  const draft = drafts.get(keyOf(place)) ?? { text: "", files: [] };
  drafts.delete(keyOf(place));
  attachments.put(draft.files);
  put(draft.text);
  setTarget(chatHere().messages.get(draft.about) ?? null, false, false);
  answerLast();
}

function sendText(text) {
  write(text);
  send();
}

/** Replace the text in the field, and focus it. */
function write(text) {
  words.focus();
  put(text);
}

function put(text) {
  words.value = text;
  words.dispatchEvent(new Event("input"));
}

/** Reply to a message or edit it with the next text; null does neither. */
function setTarget(message, change, focus = true) {
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

/** Start a reply to a message with a ForceReply for this person, as Telegram does. */
function answerIfAsked(message, focus = true) {
  const { ask } = message;
  if (ask && (ask.whom === null || ask.whom === here.person)) setTarget(message, false, focus);
}

function answerLast() {
  const last = [...chatHere().messages.values()].filter(isHere).at(-1);
  if (last && about === null) answerIfAsked(last, false);
}

/** Fit the field's height to its text; a hidden field has no scrollHeight. */
function grow() {
  words.style.height = "auto";
  if (words.scrollHeight) words.style.height = `${words.scrollHeight}px`;
}
