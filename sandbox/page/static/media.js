// Photos, videos and files in a message; videos play muted in a loop while they are visible.

import { byId, make } from "./dom.js";

const VISIBLE_SHARE = 0.3; // of a video, from which on it plays
const WAVES = 28; // bars of a voice message

const watching = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) target.play().catch(() => {}); // it may be removed meanwhile
      else target.pause();
    }
  },
  { threshold: VISIBLE_SHARE },
);

/** Return the element of a file; pictures have their size before they are loaded. */
export function media(file) {
  switch (file.kind) {
    case "photo":
      return shaped(make("img", { src: file.src, alt: "Photo" }), file);
    case "sticker":
      return shaped(make("img", { src: file.src, alt: "Sticker" }), file);
    case "video":
      return make("div", { class: "moving" }, playing(file), opener(file));
    case "animation":
      return playing(file);
    case "voice":
      return voice(file);
    default:
      return make(
        "a",
        { class: "file", href: file.src, download: file.name ?? "" },
        make("strong", {}, file.name ?? file.kind),
        make("small", {}, size(file.bytes)),
      );
  }
}

function playing(file) {
  const video = make("video", {
    src: file.src,
    poster: file.poster,
    loop: true,
    playsinline: true,
    preload: "auto",
    ".muted": true,
    "aria-label": `Video, ${file.seconds} seconds`,
  });
  watching.observe(video);
  return shaped(video, file);
}

/** Return a button over the whole video that opens it large and with sound. */
function opener(file) {
  const clock = `${Math.floor(file.seconds / 60)}:${String(file.seconds % 60).padStart(2, "0")}`;
  const open = { type: "button", class: "opener", "aria-label": "Watch it with sound", onclick: () => view(file) };
  return make("button", open, make("span", { class: "clock" }, clock));
}

function view(file) {
  const viewer = byId("viewer");
  const video = make("video", { src: file.src, controls: true, autoplay: true, loop: true, "aria-label": "Video" });
  viewer.querySelector("div").replaceChildren(video);
  viewer.onclose = () => video.remove();
  viewer.onclick = (click) => click.target !== video && viewer.close();
  viewer.showModal();
}

/** Return a voice message: a play button, and bars that show the progress. */
function voice(file) {
  const bars = Array.from({ length: WAVES }, (_, index) => {
    const bar = make("i");
    bar.style.setProperty("--high", String(0.25 + 0.75 * Math.abs(Math.sin(index * 1.7) * Math.cos(index * 0.6))));
    return bar;
  });
  const sound = make("audio", { src: file.src, preload: "none" });
  const label = `Voice message, ${file.seconds} seconds`;
  const key = make("button", { type: "button", "aria-label": label, "aria-pressed": "false" }, "▶");
  key.onclick = () => (sound.paused ? sound.play() : sound.pause());
  const show = () => {
    key.textContent = sound.paused ? "▶" : "⏸";
    key.setAttribute("aria-pressed", String(!sound.paused));
    const heard = sound.ended ? 0 : (sound.currentTime / file.seconds) * WAVES;
    bars.forEach((bar, index) => bar.classList.toggle("heard", index < heard));
  };
  for (const kind of ["play", "pause", "ended", "timeupdate"]) sound.addEventListener(kind, show);
  return make("div", { class: "voice" }, key, bars);
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
