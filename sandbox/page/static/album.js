// Photos sent together are shown as one message: side by side, what was written to them below.

import { make } from "./dom.js";
import { media } from "./media.js";

/** The messages of an album as one, whose `photos` are theirs with their ids. */
export function merged(messages) {
  const [first] = messages;
  const worded = messages.find((message) => message.text) ?? first;
  return {
    ...first,
    text: worded.text,
    entities: worded.entities,
    edited: messages.some((message) => message.edited),
    media: null,
    photos: messages.map((message) => ({ id: message.id, file: message.media })),
  };
}

/** The photos, each with its message's id: one may be answered alone. */
export function grid(photos) {
  const columns = { 1: 1, 2: 2, 4: 2 }[photos.length] ?? 3;
  const shown = make(
    "div",
    { class: "grid" },
    photos.map(({ id, file }) => make("div", { class: "cell", "data-id": id, tabindex: "-1" }, media(file))),
  );
  shown.style.setProperty("--columns", String(columns));
  return shown;
}
