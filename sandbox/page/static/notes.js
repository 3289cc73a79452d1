// Short notes to the visitor: one that passes, one that wants an OK.

import { byId } from "./dom.js";

const SHOWN_FOR = 5000;
let hiding = 0;

/** Show a note for a few seconds. */
export function note(words) {
  const toast = byId("toast");
  toast.textContent = words;
  toast.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (toast.hidden = true), SHOWN_FOR);
}

/** Show words that stay until they are dismissed. */
export function alertWith(words) {
  byId("alert-words").textContent = words;
  byId("alert").showModal();
}

/** Do something that the server may refuse; what it says then is shown. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    note(error.message);
    return null;
  }
}
