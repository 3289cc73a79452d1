// Draws a text with its entities. Offsets count UTF-16 units, as JavaScript strings do.

import { make } from "./dom.js";
import { follow } from "./links.js";
import { note } from "./notes.js";

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};

// Units of time: name, seconds, and the least seconds for which it is used.
const UNITS = [
  ["day", 86_400, 129_600],
  ["hour", 3600, 5400],
  ["minute", 60, 90],
  ["second", 1, 0],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Return the text as nodes; `onCommand` is called with a clicked command. */
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
    case "code":
      return copied(words, inside);
    case "spoiler":
      return spoiler(inside);
    case "date_time":
      return moment(entity, words);
    case "mention":
    case "text_mention":
    case "hashtag":
      return make("span", { class: "mention" }, inside);
    default:
      return make("span", {}, inside);
  }
}

/** Return a date in local time, or relative to now and kept up to date. */
function moment({ unix_time: seconds, date_time_format: format }, words) {
  if (!seconds) return make("time", {}, words);
  const exact = new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const counts = format === "r";
  return make(
    "time",
    { title: exact, "data-counts": counts ? String(seconds) : null },
    counts ? fromNow(seconds) : exact,
  );
}

/** Return the time from now in words, in the largest suitable unit. */
function fromNow(seconds) {
  const left = seconds - Date.now() / 1000;
  const [unit, size] = UNITS.find(([, , least]) => Math.abs(left) >= least);
  return RELATIVE.format(Math.round(left / size), unit);
}

setInterval(() => {
  for (const one of document.querySelectorAll("[data-counts]")) {
    const words = fromNow(Number(one.dataset.counts));
    if (one.textContent !== words) one.textContent = words;
  }
}, 500);

function link(address, inside) {
  return make("a", { href: address, rel: "noopener noreferrer", target: "_blank", onclick: follow }, inside);
}

/** Return text that a tap copies, as in Telegram. */
function copied(words, inside) {
  const copy = () => navigator.clipboard?.writeText(words).then(() => note("Copied."));
  return make("button", { type: "button", class: "copied", onclick: copy }, make("code", {}, inside));
}

function spoiler(inside) {
  const shown = make("button", { type: "button", class: "spoiler", "aria-label": "Hidden text" }, inside);
  shown.addEventListener("click", () => {
    shown.classList.add("open");
    shown.removeAttribute("aria-label");
  });
  return shown;
}
