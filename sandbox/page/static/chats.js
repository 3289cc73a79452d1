// The list of chats and the switch for who is talking.

import { enter } from "./composer.js";
import { byId, clockTime, face, fill, make } from "./dom.js";
import { bring } from "./sharing.js";
import { badge, newsIn } from "./unread.js";
import { chatsOf, faceOf, go, here, nameOf, on, world } from "./world.js";

const app = byId("app");
const KINDS = { photo: "Photo", video: "Video", voice: "Voice message", sticker: "Sticker" };

/** Begin to show chats and people. */
export function openChats() {
  on("state", () => fill(byId("as"), world.people.map(drawAs)));
  on("state moved message edit delete bot", draw);
  byId("back").addEventListener("click", () => {
    app.dataset.view = "list";
    byId(`chat-${here.chat}`).focus();
  });
  byId("as").addEventListener("change", (change) => become(Number(change.target.value)));
  byId("chats").addEventListener("keydown", walk);
}

function draw() {
  fill(byId("people"), world.people.map(drawPerson));
  byId("as").value = here.person;
  fill(byId("chats"), chatsOf(here.person).map(drawChat));
}

/** Up and down the list with the arrows. */
function walk(key) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[key.key];
  if (!step) return;
  const buttons = [...byId("chats").querySelectorAll("button")];
  buttons[buttons.indexOf(document.activeElement) + step]?.focus();
  key.preventDefault();
}

function drawPerson(person) {
  const radio = make("input", {
    id: `person-${person.id}`,
    type: "radio",
    name: "person",
    value: person.id,
    ".checked": person.id === here.person,
    onchange: () => become(person.id),
  });
  return make("label", {}, radio, make("span", {}, person.name));
}

/** The same switch in the bar of the conversation, where the list is out of sight. */
function drawAs({ id, name }) {
  return make("option", { value: id }, `as ${name}`);
}

/** Be somebody else, in the same group or else in their own chat with the bot. */
function become(person) {
  const shared = world.chats.get(here.chat).type !== "private";
  go(shared ? { person } : { person, chat: person });
}

function drawChat(chat) {
  const last = [...chat.messages.values()].at(-1);
  const open = () => {
    app.dataset.view = "chat";
    go({ chat: chat.id });
    enter();
    bring();
  };
  const avatar = face(make("span", { class: "avatar", "aria-hidden": "true" }), faceOf(chat));
  return make(
    "li",
    {},
    make(
      "button",
      {
        id: `chat-${chat.id}`,
        type: "button",
        "aria-current": chat.id === here.chat ? "true" : null,
        onclick: open,
      },
      avatar,
      make("strong", {}, nameOf(chat)),
      make("time", {}, last ? clockTime(last.date) : ""),
      make("span", { class: "excerpt", dir: "auto" }, excerpt(chat, last)),
      badge(newsIn(chat)),
    ),
  );
}

function excerpt(chat, last) {
  if (!last) return chat.type === "private" ? "Press Start to begin" : "Nothing said yet";
  if (last.service) return last.service;
  const words = last.text || KINDS[last.media?.kind] || "File";
  return last.from.id === here.person ? `You: ${words}` : chat.type === "private" ? words : `${last.from.name}: ${words}`;
}
