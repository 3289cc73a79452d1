// The list of chats, and the choice of the person the visitor acts as.

import { enter } from "./composer.js";
import { byId, clockTime, face, fill, make } from "./dom.js";
import { finishSharing } from "./sharing.js";
import { badge, unreadIn } from "./unread.js";
import { chatsOf, faceOf, go, here, nameOf, on, world } from "./world.js";

const app = byId("app");
const KINDS = { photo: "Photo", video: "Video", voice: "Voice message", sticker: "Sticker" };

/** Set up the chats and people. */
export function openChats() {
  on("state", () => fill(byId("as"), world.people.map(drawAs)));
  on("state moved message edit delete bot", draw);
  byId("back").addEventListener("click", () => {
    app.dataset.view = "list";
    byId(`chat-${here.chat}`).focus();
  });
  byId("as").addEventListener("change", (change) => become(Number(change.target.value)));
  byId("chats").addEventListener("keydown", moveFocus);
}

function draw() {
  fill(byId("people"), world.people.map(drawPerson));
  byId("as").value = here.person;
  fill(byId("chats"), chatsOf(here.person).map(drawChat));
}

/** Move the focus in the list with the arrow keys. */
function moveFocus(key) {
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

/** Return a person's option in the conversation's bar, used when the list is hidden. */
function drawAs({ id, name }) {
  return make("option", { value: id }, `as ${name}`);
}

/** Act as another person, in the same group or else in their own chat with the bot. */
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
    finishSharing();
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
      badge(unreadIn(chat)),
    ),
  );
}

function excerpt(chat, last) {
  if (!last) return chat.type === "private" ? "Press Start to begin" : "Nothing said yet";
  if (last.service) return last.service;
  const words = last.text || KINDS[last.media?.kind] || "File";
  return last.from.id === here.person ? `You: ${words}` : chat.type === "private" ? words : `${last.from.name}: ${words}`;
}
