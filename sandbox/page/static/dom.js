// Helpers to make, find and fill elements. Text is always set as text, never as markup.

/** Return the element with this id. */
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

/** Draw an avatar: the bot's icon, or a letter with a colour that follows from the id. */
export function face(element, { id, name, bot }) {
  element.classList.toggle("of-bot", bot);
  element.textContent = bot ? "" : name[0];
  element.style.setProperty("--hue", String((Math.abs(id) * 137) % 360));
  return element;
}

/** Replace the children of an element; focus stays on the child with the same id. */
export function fill(element, ...children) {
  keepingFocus(() => element.replaceChildren(...children.flat().filter((child) => child !== null)));
}

/** Redraw; if the focused element is removed, focus that of the same id, or `otherwise`. */
export function keepingFocus(redraw, otherwise = null) {
  const focused = document.activeElement;
  redraw();
  if (!focused.isConnected) (byId(focused.id) ?? otherwise)?.focus({ preventScroll: true });
}

/** Return the local time of day of a moment in seconds. */
export function clockTime(seconds) {
  const moment = new Date(seconds * 1000);
  return moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
