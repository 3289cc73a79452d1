// Albums: photos sent together are shown as one message, with their caption below.

import { make } from "./dom.js";
import { media } from "./media.js";

/** Return the messages of an album as one; its `photos` have the ids of theirs. */
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

/** Return the photos' element; each has its message's id, so that it can be answered alone. */
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
