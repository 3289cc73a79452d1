// A message's text with its entities as elements. Telegram counts UTF-16 units, as JavaScript does.

import { make } from "./dom.js";
import { follow } from "./links.js";

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};

/** The text as nodes; `onCommand` is called with a command somebody clicks. */
export function formatted(text, entities, onCommand) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return nodes(text, 0, text.length, sorted, onCommand);
}

function nodes(text, start, end, entities, onCommand) {
  const made = [];
  let at = start;
  for (let index = 0; index < entities.length; index += 1) {
    const entity = entities[index];
    const last = Math.min(entity.offset + entity.length, end);
    if (entity.offset < at) continue;
    const inner = entities.slice(index + 1).filter((other) => other.offset < last);
    if (entity.offset > at) made.push(text.slice(at, entity.offset));
    const words = text.slice(entity.offset, last);
    made.push(wrapped(entity, words, nodes(text, entity.offset, last, inner, onCommand), onCommand));
    at = last;
  }
  if (at < end) made.push(text.slice(at, end));
  return made;
}

function wrapped(entity, words, inside, onCommand) {
  if (entity.type in TAGS) return make(TAGS[entity.type], {}, inside);
  switch (entity.type) {
    case "text_link":
      return link(entity.url, inside);
    case "url":
      return link(words.includes("://") ? words : `https://${words}`, inside);
    case "bot_command":
      return make("button", { type: "button", class: "command", onclick: () => onCommand(words) }, words);
    case "spoiler":
      return spoiler(inside);
    case "date_time":
      return make("time", {}, localTime(entity.unix_time) ?? words);
    case "mention":
    case "text_mention":
    case "hashtag":
      return make("span", { class: "mention" }, inside);
    default:
      return make("span", {}, inside);
  }
}

/** A moment as the visitor's own clock shows it. */
function localTime(seconds) {
  if (!seconds) return null;
  const style = { dateStyle: "medium", timeStyle: "short" };
  return new Date(seconds * 1000).toLocaleString([], style);
}

function link(address, inside) {
  return make("a", { href: address, rel: "noopener noreferrer", target: "_blank", onclick: follow }, inside);
}

function spoiler(inside) {
  const shown = make("button", { type: "button", class: "spoiler", "aria-label": "Hidden text" }, inside);
  shown.addEventListener("click", () => {
    shown.classList.add("open");
    shown.removeAttribute("aria-label");
  });
  return shown;
}
