// Elements made and found in one word. Text is always set as text, never as markup.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Make an element: attributes, `on…` listeners, DOM properties after a dot, then children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith(".")) element[name.slice(1)] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A face: the bot's is always the same, everybody else has a letter and a colour of their own. */
export function face(element, { id, name, bot }) {
  element.classList.toggle("of-bot", bot);
  element.textContent = bot ? "" : name[0];
  element.style.setProperty("--hue", String((Math.abs(id) * 137) % 360));
  return element;
}

/** Put children in place of those an element has; of those, one with the focus keeps it by its id. */
export function fill(element, ...children) {
  keepingFocus(() => element.replaceChildren(...children.flat().filter((child) => child !== null)));
}

/** Redraw something; if what has the focus goes, its successor by id has it, or `otherwise`. */
export function keepingFocus(redraw, otherwise = null) {
  const focused = document.activeElement;
  redraw();
  if (!focused.isConnected) (byId(focused.id) ?? otherwise)?.focus({ preventScroll: true });
}

/** The time of day of a moment in seconds, as the visitor's clock shows it. */
export function clockTime(seconds) {
  const moment = new Date(seconds * 1000);
  return moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
