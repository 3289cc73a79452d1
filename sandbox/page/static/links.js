// Where links lead: to the bot itself they are followed inside the page, elsewhere in a new tab.

import { say } from "./server.js";
import { go, here, world } from "./world.js";
import { attempt } from "./notes.js";

/** Follow a click on an <a>; one that is no web address goes nowhere. */
export function follow(click) {
  const address = click.currentTarget.getAttribute("href");
  if (!open(address)) click.preventDefault();
}

/** Go where a link leads inside the page; true if the browser should open it itself. */
export function open(address) {
  const url = parsed(address);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  const toBot = url.host === "t.me" && url.pathname.slice(1) === world.bot.username;
  if (!toBot) return true;
  go({ chat: here.person, topic: null });
  if (url.searchParams.has("start")) {
    const text = `/start ${url.searchParams.get("start")}`.trim();
    attempt(() => say({ person: here.person, chat: here.person, text }));
  }
  return false;
}

function parsed(address) {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}
