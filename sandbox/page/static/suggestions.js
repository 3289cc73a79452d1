// What is offered while somebody writes: the bot's commands after "/", its results after its name.

import { byId, fill, make } from "./dom.js";
import { open } from "./links.js";
import { attempt } from "./notes.js";
import { act, commands } from "./server.js";
import { here, world } from "./world.js";

const TYPING_PAUSE = 350; // milliseconds
const A_TAP = 150; // milliseconds between leaving the field and what a tap does
const list = byId("suggestions");

let field = null;
let deeds = null; // send(text), insert(text)
let offers = []; // { title, detail, thumb, choose(), insert() }
let chosen = 0;
let asking = 0; // a timer's number, until the bot has answered
let round = 0; // an answer to an earlier round is too late

/** Begin to offer something while `input` is written in. */
export function openSuggestions(input, { send, insert }) {
  field = input;
  deeds = { send, insert };
  input.addEventListener("input", lookUp);
  input.addEventListener("blur", () =>
    setTimeout(() => document.activeElement !== input && close(), A_TAP),
  );
}

/** Whether a key was meant for the list. */
export function took(key) {
  if (list.hidden || !does(key)) return false;
  key.preventDefault();
  return true;
}

/** Do what a key does in the list; false if that is nothing. */
function does(key) {
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
      choose: () => deeds.send(`/${command}`),
      insert: () => deeds.insert(`/${command} `),
    })),
  );
}

async function askInline(query, mine) {
  const answer = await act("ask", { person: here.person, chat: here.chat, query }).catch(() => null);
  if (mine !== round) return;
  asking = 0;
  const found = (answer?.results ?? []).map(offerOf);
  if (answer?.button) found.push(wayToBot(answer.button));
  show(found, found.length ? "" : "No results");
}

function offerOf(result) {
  const pick = async () => {
    deeds.insert("");
    await attempt(() => act("pick", { person: here.person, chat: here.chat, topic: here.topic, result: result.id }));
  };
  const title = result.title ?? result.caption ?? result.type;
  return { title, detail: result.description ?? "", choose: pick, insert: pick };
}

/** The line Telegram shows with the results: it leads to the chat with the bot. */
function wayToBot({ text, start_parameter: start }) {
  const go = () => {
    deeds.insert("");
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
