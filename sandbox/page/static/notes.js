// Short notes to the visitor: one that passes, one that wants an OK.

import { byId } from "./dom.js";
import { Unreachable } from "./server.js";
import { on } from "./world.js";

const OFFLINE = "The demo has stopped, or is just starting. This page waits for it.";
const SHOWN_FOR = 5000;
const toast = byId("toast");
let hiding = 0;

on("moved", hide); // it was about the conversation that was left

/** Show a note for a few seconds. */
export function note(words) {
  toast.textContent = words;
  clearTimeout(hiding);
  hiding = setTimeout(hide, SHOWN_FOR);
}

function hide() {
  toast.textContent = "";
}

/** Say, for as long as it is so, that nothing comes from the server. */
export function showConnection(connected) {
  byId("app").classList.toggle("offline", !connected);
  byId("offline").textContent = connected ? "" : OFFLINE;
}

/** Show words that stay until they are dismissed. */
export function alertWith(words) {
  const alert = byId("alert");
  const { id } = document.activeElement; // the key itself may be drawn anew meanwhile
  byId("alert-words").textContent = words;
  alert.onclose = () => byId(id)?.focus({ preventScroll: true });
  alert.showModal();
}

/** Do something that the server may refuse; what it says then is shown. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    const isKnown = error instanceof Unreachable && byId("offline").textContent;
    if (!isKnown) note(error.message);
    return null;
  }
}
