// Share: something is taken to a chat that is still to be chosen.

import { byId } from "./dom.js";
import { here, on, tell, world } from "./world.js";

let query = null;

/** Begin to ask for a chat where one is to be chosen. */
export function openSharing() {
  on("share", ask);
  on("state", giveUp);
  byId("share-cancel").addEventListener("click", () => {
    giveUp();
    byId(`chat-${here.chat}`).focus();
  });
}

function ask(words) {
  query = words;
  byId("share-bar").hidden = false;
  byId("app").dataset.view = "list";
  byId(`chat-${here.chat}`).focus();
}

/** The chat is chosen: write there what fetches what is shared. */
export function bring() {
  if (query === null) return;
  tell("write", `@${world.bot.username} ${query}`);
  giveUp();
}

function giveUp() {
  query = null;
  byId("share-bar").hidden = true;
}
