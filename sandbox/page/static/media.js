// Photos, videos and files inside a message.

import { make } from "./dom.js";

/** The element of a file; a picture's place is kept free until it is there. */
export function media(file) {
  const video = { src: file.src, playsinline: true, "aria-label": `Video, ${file.seconds} seconds` };
  switch (file.kind) {
    case "photo":
      return shaped(make("img", { src: file.src, alt: "Photo" }), file);
    case "video":
      return shaped(
        make("video", { ...video, poster: file.poster, controls: true, preload: "metadata" }),
        file,
      );
    case "animation":
      return shaped(
        make("video", { ...video, autoplay: true, loop: true, ".muted": true }),
        file,
      );
    default:
      return make(
        "a",
        { class: "file", href: file.src, download: file.name ?? "" },
        make("strong", {}, file.name ?? file.kind),
        make("small", {}, size(file.bytes)),
      );
  }
}

function shaped(element, file) {
  if (file.width && file.height) {
    element.width = file.width;
    element.height = file.height;
  }
  return element;
}

function size(bytes) {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
