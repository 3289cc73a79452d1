// Files attached to the next message: chosen, pasted, dropped, or ready photos from the tray.

import { byId, fill, keepingFocus, make } from "./dom.js";
import { attempt } from "./notes.js";
import { readyPhoto } from "./server.js";
import { on, world } from "./world.js";

const MAX_FILES = 10; // of a Telegram album
let files = [];
let changed = () => {};

/** Set up attaching; `onChange` is called after the attached files have changed. */
export function openAttachments(onChange) {
  changed = onChange;
  byId("attach").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", (change) => {
    add([...change.target.files]);
    change.target.value = "";
  });
  document.addEventListener("paste", (paste) => {
    const pasted = [...paste.clipboardData.files];
    if (pasted.length === 0 || byId("composer").hidden) return;
    paste.preventDefault();
    add(pasted);
  });
  openDrop(byId("conversation"), byId("drop"));
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (drag) => drag.preventDefault()); // else the browser opens a file dropped elsewhere
  }
  byId("tray-open").addEventListener("click", () => showTray(byId("tray").hidden));
  byId("tray").addEventListener("keydown", (key) => {
    if (key.key !== "Escape") return;
    showTray(false);
    byId("tray-open").focus();
    key.stopPropagation();
  });
  on("state", drawTray);
}

/** Attach more files. */
export function add(more) {
  put([...files, ...more]);
  if (more.length) byId("words").focus();
}

/** Replace the attached files. */
export function put(given) {
  files = given.slice(0, MAX_FILES);
  draw();
}

/** Return the attached files, and detach them. */
export function take() {
  const taken = files;
  clear();
  return taken;
}

/** Detach all files. */
export function clear() {
  files = [];
  showTray(false);
  draw();
}

function draw() {
  const list = byId("attached");
  for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  list.hidden = files.length === 0;
  keepingFocus(() => fill(list, files.map((file, index) => drawn(file, index))), byId("attach"));
  changed();
}

function drawn(file, index) {
  const remove = () => {
    files = files.filter((_, other) => other !== index);
    draw();
  };
  const picture = file.type.startsWith("image/")
    ? make("img", { src: URL.createObjectURL(file), alt: file.name })
    : make("span", {}, file.name);
  const button = { type: "button", onclick: remove, "aria-label": `Take ${file.name} away` };
  return make("li", {}, picture, make("button", button, "×"));
}

function showTray(shown) {
  byId("tray").hidden = !shown;
  byId("tray-open").setAttribute("aria-expanded", String(shown));
}

function drawTray() {
  fill(
    byId("tray"),
    world.photos.map(({ name, title, width, height }) =>
      make(
        "button",
        { id: `ready-${name}`, type: "button", title, onclick: () => attempt(() => addReady(name)) },
        make("img", { src: `/photos/${name}.jpg`, alt: title, width, height, loading: "lazy" }),
      ),
    ),
  );
}

async function addReady(name) {
  const content = await readyPhoto(name);
  showTray(false);
  add([new File([content], `${name}.jpg`, { type: "image/jpeg" })]);
}

function openDrop(zone, hint) {
  const show = (shown) => (hint.hidden = !shown);
  zone.addEventListener("dragover", (drag) => {
    drag.preventDefault();
    show(!byId("composer").hidden);
  });
  zone.addEventListener("dragleave", (drag) => {
    if (!zone.contains(drag.relatedTarget)) show(false);
  });
  zone.addEventListener("drop", (drop) => {
    drop.preventDefault();
    show(false);
    if (!byId("composer").hidden) add([...drop.dataTransfer.files]);
  });
}
