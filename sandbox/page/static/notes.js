// Notes to the visitor: a toast, an alert, and the bar shown without a connection.

import { byId } from "./dom.js";
import { Unreachable } from "./server.js";
import { on } from "./world.js";

const OFFLINE = "The demo has stopped, or is just starting. This page waits for it.";
const NOTE_MILLISECONDS = 5000;
const toast = byId("toast");
let hiding = 0;

on("moved", hide); // a note is about the conversation it was shown in

/** Show a note for a few seconds. */
export function note(words) {
  toast.textContent = words;
  clearTimeout(hiding);
  hiding = setTimeout(hide, NOTE_MILLISECONDS);
}

function hide() {
  toast.textContent = "";
}

/** Show or hide the bar that says that the server does not answer. */
export function showConnection(connected) {
  byId("app").classList.toggle("offline", !connected);
  byId("offline").textContent = connected ? "" : OFFLINE;
}

/** Show a text until it is dismissed. */
export function alertWith(words) {
  const alert = byId("alert");
  const { id } = document.activeElement; // the button itself may be redrawn meanwhile
  byId("alert-words").textContent = words;
  alert.onclose = () => byId(id)?.focus({ preventScroll: true });
  alert.showModal();
}

/** Return the result of `work`; if the server refuses, show its message and return null. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    const isKnown = error instanceof Unreachable && byId("offline").textContent;
    if (!isKnown) note(error.message);
    return null;
  }
}
