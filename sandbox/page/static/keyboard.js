// The buttons under a message, pressed as the current person.

import { make } from "./dom.js";
import { open } from "./links.js";
import { alertWith, attempt, note } from "./notes.js";
import { act } from "./server.js";
import { here, tell, world } from "./world.js";

/** Return the rows of a message's buttons. */
export function keyboard(message) {
  return message.buttons.map((buttons, row) =>
    make("div", { class: "row" }, buttons.map((button, column) => drawn(message, button, row, column))),
  );
}

function drawn(message, button, row, column) {
  const id = `key-${message.id}-${row}-${column}`;
  if (button.url) {
    const attributes = { id, class: "key", href: button.url, target: "_blank", rel: "noopener noreferrer" };
    const follow = (click) => open(button.url) || click.preventDefault();
    return make("a", { ...attributes, onclick: follow }, button.text);
  }
  const key = make("button", { id, type: "button", class: "key", "data-style": button.style }, button.text);
  key.addEventListener("click", () => {
    if (button.presses) press(key, "press", { message: message.id, row, column });
    else if (button.pay) press(key, "pay", { message: message.id });
    else if (button.inline !== null) tell("share", button.inline);
    else if (button.edits !== null) tell("write", `@${world.bot.username} ${button.edits}`);
    else if (button.copy) navigator.clipboard?.writeText(button.copy).then(() => note("Copied."));
  });
  return key;
}

/** Press a button or pay; meanwhile it is only aria-disabled, so that it keeps the focus. */
async function press(key, name, place) {
  if (key.ariaDisabled === "true") return;
  key.setAttribute("aria-busy", "true");
  key.setAttribute("aria-disabled", "true");
  const answer = await attempt(() => act(name, { person: here.person, chat: here.chat, ...place }));
  key.removeAttribute("aria-disabled");
  key.removeAttribute("aria-busy");
  if (answer?.refused) alertWith(answer.refused);
  if (answer?.text) (answer.alert ? alertWith : note)(answer.text);
  if (answer?.url && open(answer.url)) window.open(answer.url, "_blank", "noopener");
}
