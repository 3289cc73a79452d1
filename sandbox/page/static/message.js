// Draws a message as an element that can be updated without stopping its video.

import { grid } from "./album.js";
import { clockTime, face, fill, keepingFocus, make } from "./dom.js";
import { formatted } from "./entities.js";
import { keyboard } from "./keyboard.js";
import { media } from "./media.js";
import { chatHere, here } from "./world.js";

/**
 * Draw a message, or update its element.
 * `acts` has the functions for its buttons: reply, edit, forward, remove, jump, command.
 */
export function drawn(message, acts, element = blank()) {
  const own = message.from.id === here.person;
  element.id = `message-${message.id}`;
  element.dataset.id = message.id;
  if (message.album !== null) element.dataset.album = message.album;
  setWidth(element, message);
  element.classList.toggle("own", own);
  element.classList.toggle("service", message.service !== null);
  element.setAttribute("aria-label", `${own ? "You" : message.from.name}, ${clockTime(message.date)}`);
  if (message.service !== null) {
    fill(element, make("p", {}, message.service));
    return element;
  }
  const named = !own && chatHere().type !== "private";
  part(element, "author", named ? message.from : null, (from) => {
    const author = make("strong", { class: "author" }, from.name);
    author.style.setProperty("--hue", String((from.id * 137) % 360));
    return author;
  });
  element.classList.toggle("named", named);
  part(element, "face", named ? message.from : null, (from) => face(make("span", { class: "avatar" }), from));
  part(element, "origin", message.forwarded ?? message.via, (name) =>
    make("small", {}, message.forwarded ? `Forwarded from ${name}` : `via @${name}`),
  );
  part(element, "quote", message.reply, (reply) => quote(reply, acts));
  if (message.photos) part(element, "media", message.photos, grid);
  else part(element, "media", message.media, media);
  part(element, "text", message.text ? [message.text, message.entities] : null, ([text, entities]) =>
    make("p", { dir: "auto" }, formatted(text, entities, acts.command)),
  );
  part(element, "reactions", message.reactions.length ? message.reactions : null, (reactions) =>
    make("p", { "aria-label": "Reactions" }, reactions.join(" ")),
  );
  part(element, "meta", [message.date, message.edited, message.unseen], () => meta(message));
  part(element, "keyboard", message.buttons.length ? message.buttons : null, () => keyboard(message));
  part(element, "tools", own, () => tools(message.id, own, acts));
  return element;
}

/** Set the width: that of its picture, but wide enough for its buttons. */
function setWidth(element, { media: file, photos, buttons }) {
  const ratio = photos ? photos.length : file?.width / file?.height;
  element.classList.toggle("with-picture", ratio > 0);
  element.classList.toggle("with-sticker", file?.kind === "sticker");
  element.classList.toggle("with-keys", buttons.length > 0);
  element.style.setProperty("--ratio", String(ratio || 1));
}

/** Return an empty message: a bubble with an element for each part, keyboard and tools below. */
function blank() {
  const inside = ["author", "origin", "quote", "media", "text", "reactions", "meta"];
  return make(
    "article",
    { class: "message", tabindex: "-1" },
    make("div", { "data-part": "face", "aria-hidden": "true", hidden: true }),
    make("div", { class: "bubble" }, inside.map((name) => make("div", { "data-part": name, hidden: true }))),
    make("div", { "data-part": "keyboard", hidden: true }),
    make("div", { "data-part": "tools", hidden: true }),
  );
}

/** Redraw a part if its content has changed; null hides it. */
function part(element, name, shown, draw) {
  const place = element.querySelector(`[data-part="${name}"]`);
  const key = JSON.stringify(shown);
  if (place.shownKey === key) return;
  place.shownKey = key;
  place.hidden = shown === null;
  keepingFocus(() => fill(place, shown === null ? [] : draw(shown)), element);
}

function quote(reply, acts) {
  return make(
    "button",
    { type: "button", onclick: () => acts.jump(reply.id), "aria-label": `In answer to ${reply.name}` },
    make("strong", {}, reply.name),
    make("span", { dir: "auto" }, reply.excerpt),
  );
}

function meta(message) {
  const why = "Privacy mode, Telegram’s default: in groups a bot sees only commands and answers to it.";
  return [
    message.unseen ? make("span", { title: why }, "not shown to the bot") : null,
    message.edited ? make("span", {}, "edited") : null,
    make("time", { datetime: new Date(message.date * 1000).toISOString() }, clockTime(message.date)),
  ].filter(Boolean);
}

function tools(id, own, acts) {
  const tool = (words, act) => make("button", { type: "button", onclick: () => act(id) }, words);
  const mine = own || chatHere().type === "private";
  return [
    tool("Answer", acts.reply),
    tool("Forward", acts.forward),
    own ? tool("Edit", acts.edit) : null,
    mine ? tool("Delete", acts.remove) : null,
  ].filter(Boolean);
}
