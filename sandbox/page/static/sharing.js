// Sharing and forwarding: the visitor chooses the chat.

import { byId } from "./dom.js";
import { attempt } from "./notes.js";
import { act } from "./server.js";
import { here, on, tell, world } from "./world.js";

let action = null; // called after a chat is chosen

/** Set up sharing. */
export function openSharing() {
  on("share", (words) => ask("Choose a chat to share it in", () => tell("write", `@${world.bot.username} ${words}`)));
  on("forward", (message) => {
    const from = { person: here.person, chat: message.chat, message: message.id };
    ask("Choose a chat to forward it to", () => attempt(() => act("forward", { ...from, to: here.chat })));
  });
  on("state", cancel);
  byId("share-cancel").addEventListener("click", () => {
    cancel();
    byId(`chat-${here.chat}`).focus();
  });
}

function ask(words, then) {
  action = then;
  byId("share-words").textContent = words;
  byId("share-bar").hidden = false;
  byId("app").dataset.view = "list";
  byId(`chat-${here.chat}`).focus();
}

/** Share or forward to the chat now chosen, if something waits for one. */
export function finishSharing() {
  const chosen = action;
  cancel();
  chosen?.();
}

function cancel() {
  action = null;
  byId("share-bar").hidden = true;
}
