// Suggestions while the visitor writes: commands after "/", inline results after the bot's name.

import { byId, fill, make } from "./dom.js";
import { open } from "./links.js";
import { attempt } from "./notes.js";
import { act, commands } from "./server.js";
import { here, world } from "./world.js";

const TYPING_PAUSE = 350; // milliseconds
const BLUR_DELAY = 150; // milliseconds, in which a tap on the list still counts
const list = byId("suggestions");

let field = null;
let callbacks = null; // send(text), insert(text)
let offers = []; // { title, detail, thumb, choose(), insert() }
let chosen = 0;
let asking = 0; // a timer's id, until the bot has answered
let round = 0; // answers to earlier rounds are ignored

/** Set up suggestions for a field. */
export function openSuggestions(input, { send, insert }) {
  field = input;
  callbacks = { send, insert };
  input.addEventListener("input", lookUp);
  input.addEventListener("blur", () =>
    setTimeout(() => document.activeElement !== input && close(), BLUR_DELAY),
  );
}

/** Handle a key in the list; return whether it had an effect. */
export function handleKey(key) {
  if (list.hidden || !applyKey(key)) return false;
  key.preventDefault();
  return true;
}

/** Apply a key to the list; return whether it had an effect. */
function applyKey(key) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[key.key];
  const enter = key.key === "Enter" && !key.shiftKey;
  if (key.key === "Escape") close();
  else if (asking && enter) return true; // nothing to choose yet, and nothing to send
  else if (offers.length === 0) return false;
  else if (step) choose((chosen + step + offers.length) % offers.length);
  else if (key.key === "Tab") offers[chosen].insert();
  else if (enter) offers[chosen].choose();
  else return false;
  return true;
}

function lookUp() {
  clearTimeout(asking);
  asking = 0;
  round += 1;
  const command = field.value.match(/^\/(\w*)$/);
  const name = `@${world.bot.username} `;
  if (command) offerCommands(command[1].toLowerCase(), round);
  else if (field.value.toLowerCase().startsWith(name)) {
    const query = field.value.slice(name.length);
    show([], "Asking the bot …");
    asking = setTimeout(askInline, TYPING_PAUSE, query, round);
  } else close();
}

async function offerCommands(begun, mine) {
  const all = await attempt(() => commands(here.person, here.chat));
  if (mine !== round || all === null) return;
  const fitting = all.filter(({ command }) => command.startsWith(begun));
  show(
    fitting.map(({ command, description }) => ({
      title: `/${command}`,
      detail: description,
      choose: () => callbacks.send(`/${command}`),
      insert: () => callbacks.insert(`/${command} `),
    })),
  );
}

async function askInline(query, mine) {
  const answer = await act("ask", { person: here.person, chat: here.chat, query }).catch(() => null);
  if (mine !== round) return;
  asking = 0;
  const found = (answer?.results ?? []).map(offerOf);
  if (answer?.button) found.push(botButton(answer.button));
  show(found, found.length ? "" : "No results");
}

function offerOf(result) {
  const pick = async () => {
    callbacks.insert("");
    await attempt(() => act("pick", { person: here.person, chat: here.chat, topic: here.topic, result: result.id }));
  };
  const title = result.title ?? result.caption ?? result.type;
  return { title, detail: result.description ?? "", choose: pick, insert: pick };
}

/** Return the button Telegram shows with the results, which opens the chat with the bot. */
function botButton({ text, start_parameter: start }) {
  const go = () => {
    callbacks.insert("");
    open(`https://t.me/${world.bot.username}?start=${start}`);
  };
  return { title: text, detail: "", choose: go, insert: go };
}

function show(found, empty = "") {
  offers = found;
  fill(
    list,
    found.map(({ title, detail }, index) =>
      make(
        "li",
        {
          id: `offer-${index}`,
          role: "option",
          onpointerdown: (press) => press.preventDefault(), // the field keeps the focus
          onclick: () => offers[index].choose(),
        },
        make("strong", {}, title),
        make("span", {}, detail),
      ),
    ),
    empty ? make("li", { class: "none" }, empty) : [],
  );
  list.hidden = !list.firstChild;
  choose(0);
}

function choose(index) {
  chosen = index;
  list.querySelectorAll("[role=option]").forEach((item, at) => {
    item.setAttribute("aria-selected", String(at === index));
    if (at === index) item.scrollIntoView({ block: "nearest" });
  });
  if (offers.length) field.setAttribute("aria-activedescendant", `offer-${index}`);
  else field.removeAttribute("aria-activedescendant");
}

function close() {
  clearTimeout(asking);
  asking = 0;
  round += 1;
  show([]);
}
