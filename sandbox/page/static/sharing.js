// Share and forward: something is taken to a chat that is still to be chosen.

import { byId } from "./dom.js";
import { attempt } from "./notes.js";
import { act } from "./server.js";
import { here, on, tell, world } from "./world.js";

let taken = null; // what happens in the chat that is chosen

/** Begin to ask for a chat where one is to be chosen. */
export function openSharing() {
  on("share", (words) => ask("Choose a chat to share it in", () => tell("write", `@${world.bot.username} ${words}`)));
  on("forward", (message) => {
    const from = { person: here.person, chat: message.chat, message: message.id };
    ask("Choose a chat to forward it to", () => attempt(() => act("forward", { ...from, to: here.chat })));
  });
  on("state", giveUp);
  byId("share-cancel").addEventListener("click", () => {
    giveUp();
    byId(`chat-${here.chat}`).focus();
  });
}

function ask(words, then) {
  taken = then;
  byId("share-words").textContent = words;
  byId("share-bar").hidden = false;
  byId("app").dataset.view = "list";
  byId(`chat-${here.chat}`).focus();
}

/** The chat is chosen: bring there what is taken. */
export function bring() {
  const then = taken;
  giveUp();
  then?.();
}

function giveUp() {
  taken = null;
  byId("share-bar").hidden = true;
}
