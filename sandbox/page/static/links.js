// Links: those to the bot open its chat in the page, others a new tab.

import { say } from "./server.js";
import { go, here, world } from "./world.js";
import { attempt } from "./notes.js";

/** Handle a click on an <a>; addresses other than http and https do nothing. */
export function follow(click) {
  const address = click.currentTarget.getAttribute("href");
  if (!open(address)) click.preventDefault();
}

/** Open a link to the bot inside the page; return true if the browser should open it. */
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
