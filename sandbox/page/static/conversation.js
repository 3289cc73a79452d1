// The open conversation: its heading, its topics and its messages.

import { merged } from "./album.js";
import { enter } from "./composer.js";
import { byId, face, fill, keepingFocus, make } from "./dom.js";
import { drawn } from "./message.js";
import { attempt, note } from "./notes.js";
import { act, say } from "./server.js";
import { badge, unreadOf } from "./unread.js";
import { chatHere, faceOf, go, here, isHere, nameOf, on, personHere, tell, world } from "./world.js";

const NEAR_THE_END = 120; // pixels
const ACTION_LASTS = 5500; // milliseconds, as in Telegram
const ACTIONS = {
  typing: "is typing…",
  record_video: "is recording a video…",
  upload_video: "is sending a video…",
  upload_photo: "is sending a photo…",
  upload_document: "is sending a file…",
};

const log = byId("log");
let acting = 0;
let choosing = false; // the next click chooses the message to forward
let following = true; // new messages scroll into view, until the visitor scrolls up

const acts = {
  reply: (id) => tell("reply", chatHere().messages.get(id)),
  edit: (id) => tell("rewrite", chatHere().messages.get(id)),
  forward: (id) => forward(id),
  remove: (id) => attempt(() => act("remove", { person: here.person, chat: here.chat, message: id })),
  jump,
  command: (text) =>
    attempt(() => say({ person: here.person, chat: here.chat, topic: here.topic, text })),
};

/** Set up the conversation. */
export function openConversation() {
  on("state moved", () => keepingFocus(draw, log));
  on("bot panel standing", drawWelcome);
  on("panel standing", () => (acting && !world.panel.restarting) || showAction(null));
  on("message edit", update);
  on("message", ({ chat }) => chat === here.chat && drawTopics(chatHere()));
  on("delete", ({ chat, id }) => chat === here.chat && remove(id));
  on("action", (event) => isHere(event) && showAction(event.action));
  on("choose", () => {
    choosing = true;
    note("Tap the message to forward.");
  });
  on("state moved", () => (choosing = false));
  log.addEventListener("click", choose, { capture: true });
  log.addEventListener("click", (click) => {
    if (click.target.closest("a, button, video") || String(getSelection())) return;
    if (!click.target.closest(".bubble")) return;
    acts.reply(Number(click.target.closest("[data-id]").dataset.id));
  });
  log.addEventListener("scroll", () => (following = isNearEnd()));
  new ResizeObserver(() => following && toEnd()).observe(log);
  byId("start").addEventListener("click", () => {
    if (lacksBot()) attempt(() => act("move", { person: here.person, chat: here.chat, into: true }));
    else if (isBlocked()) attempt(() => act("panel", { blocks: { [here.person]: false } }));
    else acts.command("/start");
  });
}

/** Forward the clicked message, if one is to be chosen. */
function choose(click) {
  const chosen = choosing && click.target.closest("[data-id]");
  choosing = false;
  if (!chosen) return;
  click.preventDefault();
  click.stopPropagation();
  forward(Number(chosen.dataset.id));
}

function forward(id) {
  choosing = false;
  tell("forward", chatHere().messages.get(id));
}

function draw() {
  const chat = chatHere();
  byId("title").textContent = nameOf(chat);
  face(byId("avatar"), faceOf(chat));
  showAction(null);
  drawTopics(chat);
  fill(log, welcome());
  for (const message of chat.messages.values()) if (isHere(message)) place(message);
  drawWelcome();
  toEnd();
}

/** Whether this is a private chat whose person has blocked the bot. */
const isBlocked = () => chatHere().type === "private" && world.panel.blocked.includes(here.person);

/** Whether this is a group without the bot. */
const lacksBot = () => chatHere().type !== "private" && !chatHere().has_bot;

function drawTopics(chat) {
  const bar = byId("topics");
  bar.hidden = !chat.forum;
  const topics = chat.forum ? [{ id: null, name: "General" }, ...chat.topics] : [];
  const tabs = topics.map(({ id, name }) =>
    make(
      "button",
      {
        type: "button",
        id: `topic-${id ?? "general"}`,
        role: "tab",
        "aria-selected": String(id === here.topic),
        tabindex: id === here.topic ? "0" : "-1",
        onclick: () => go({ topic: id }),
      },
      name,
      badge(unreadOf(chat.id, id)),
    ),
  );
  fill(bar, tabs);
  bar.onkeydown = (key) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key.key];
    if (!step) return;
    const next = topics.findIndex((topic) => topic.id === here.topic) + step;
    go({ topic: topics[(next + topics.length) % topics.length].id });
    bar.querySelector("[aria-selected=true]").focus();
  };
}

/** Return the element that an empty chat shows. */
function welcome() {
  return make("div", { class: "welcome", id: "welcome", hidden: true });
}

function drawWelcome() {
  const chat = chatHere();
  const empty = !log.querySelector(".message");
  const closed = isBlocked() || (chat.type === "private" && !chat.started);
  const left = (closed ? byId("composer") : byId("start")).contains(document.activeElement);
  byId("start").hidden = !closed && !lacksBot();
  byId("start").textContent = lacksBot() ? `Add ${world.bot.name}` : isBlocked() ? "Unblock" : "Start";
  byId("composer").hidden = closed;
  if (left) enter();
  byId("welcome").hidden = !empty;
  const words =
    chat.type === "private"
      ? [make("strong", {}, "What can this bot do?"), make("p", {}, world.bot.description)]
      : [
          make("strong", {}, `${personHere().name}, you are in “${nameOf(chat)}”`),
          make("p", {}, "Write /video and an idea, or answer a photo with /animate. Everybody sees what comes of it."),
        ];
  fill(byId("welcome"), words);
}

function update(message) {
  if (!isHere(message)) return;
  const follow = following || message.from.id === here.person;
  place(message)?.classList.add("arriving");
  if (message.from.bot) showAction(null);
  drawWelcome();
  if (follow) toEnd();
}

/** Draw or redraw a message, in its album if it has one.
 *  Returns its element if it is new and in no album. */
function place(message) {
  if (message.album !== null) return placeAlbum(message.album);
  const known = log.querySelector(`[data-id="${message.id}"]`) ?? undefined;
  const element = drawn(message, acts, known);
  if (known) return null;
  log.append(element);
  return element;
}

function placeAlbum(album) {
  const known = log.querySelector(`[data-album="${CSS.escape(album)}"]`) ?? undefined;
  const photos = [...chatHere().messages.values()].filter((message) => message.album === album);
  if (photos.length === 0) return keepingFocus(() => known?.remove(), log);
  const element = drawn(merged(photos), acts, known);
  if (!known) log.append(element);
}

function remove(id) {
  const element = log.querySelector(`[data-id="${id}"]`);
  const album = element?.closest("[data-album]")?.dataset.album;
  if (album) placeAlbum(album);
  else keepingFocus(() => element?.remove(), log);
  drawWelcome();
}

function jump(id) {
  const element = log.querySelector(`[data-id="${id}"]`);
  element?.scrollIntoView({ block: "center", behavior: "smooth" });
  element?.focus({ preventScroll: true });
}

/** Show a chat action of the bot for as long as Telegram does; null shows none. */
function showAction(action) {
  clearTimeout(acting);
  acting = 0;
  const chat = chatHere();
  const names = chat.members.map((id) => world.people.find((person) => person.id === id).name);
  if (chat.has_bot && chat.type !== "private") names.push(world.bot.name);
  const present = chat.type === "private" ? "bot" : names.join(", ");
  const does = world.panel.restarting && !action ? "is restarting…" : (ACTIONS[action] ?? "is busy…");
  const shortened = chat.type === "private" ? does.replace(/^is /, "") : `${world.bot.name} ${does}`; // short enough for a phone
  byId("subtitle").textContent = action || world.panel.restarting ? shortened : present;
  byId("subtitle").classList.toggle("active", action !== null);
  if (action) acting = setTimeout(() => showAction(null), ACTION_LASTS);
}

function isNearEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_THE_END;
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  following = true;
}
