// The automatic demonstration on the first page opened: a prompt becomes a video, and a photo moves
// in a group. Any touch, click or key ends it; its messages stay.

import { byId } from "./dom.js";
import { act, readyPhoto, say } from "./server.js";
import { chatHere, go, here, on, world } from "./world.js";

const TYPING = 30; // milliseconds per letter
const TIMEOUT = 60_000; // milliseconds to wait for the bot
const ENDING_EVENTS = ["pointerdown", "keydown", "wheel"];

/** The demonstration has ended. */
class Over extends Error {}

let playing = false;
let script = null; // a prompt, a ready photo, and a prompt for it

/** Set up the demonstration, which begins if the state has one. */
export function openAutoplay() {
  on("state", () => world.autoplay && begin());
}

async function begin() {
  if (playing || location.hash) return;
  script = world.autoplay;
  world.autoplay = null;
  const { plays } = await act("autoplay", { begins: true });
  if (!plays) return;
  playing = true;
  for (const kind of ENDING_EVENTS) addEventListener(kind, takeOver, { capture: true });
  byId("app").classList.add("playing");
  try {
    await play();
  } catch (error) {
    if (!(error instanceof Over)) console.warn(error);
  } finally {
    end();
  }
}

/** End it when the visitor does something. */
function takeOver(event) {
  if (event.isTrusted) end();
}

function end() {
  if (!playing) return;
  playing = false;
  for (const kind of ENDING_EVENTS) removeEventListener(kind, takeOver, { capture: true });
  byId("app").classList.remove("playing");
  byId("autoplay-bar").hidden = true;
  byId("tap").hidden = true;
  if (byId("words").value && script.idea.startsWith(byId("words").value)) put("");
  act("autoplay", { begins: false }).catch(() => {});
}

async function play() {
  const [ann, bob] = world.people.map((person) => person.id);
  const club = [...world.chats.values()].find((chat) => chat.type !== "private").id;
  byId("app").dataset.view = "chat";
  go({ person: ann, chat: ann, topic: null });
  caption("An idea becomes a video");
  await until(() => world.chats.get(club).has_bot);
  const inClub = prepare(club, bob); // its video is made during the first
  if (!chatHere().started) await say({ person: ann, chat: ann, text: "/start" });
  await Promise.all([typeIn(script.idea), inClub]);
  await pause(150);
  put("");
  await say({ person: ann, chat: ann, text: script.idea });
  const card = await until(() => find(ann, (one) => isAnswer(one) && one.buttons.length));
  await pause(350);
  await press(card, 0, 0);
  await until(() => find(ann, (one) => isAnswer(one) && isVideo(one)));
  await pause(2600); // time to watch
  caption("A photo moves, the group sees it");
  go({ person: ann, chat: club, topic: null });
  await until(() => find(club, isVideo));
  await pause(900);
  await say({ person: bob, chat: club, text: "Wow, it moves! 😍" });
  await pause(4500);
  caption("Your turn: an idea, or a photo");
  go({ person: ann, chat: ann, topic: null });
  await pause(4000);
}

async function prepare(club, person) {
  const content = await readyPhoto(script.photo);
  const photo = new File([content], `${script.photo}.jpg`, { type: "image/jpeg" });
  checkPlaying();
  await say({ person, chat: club, text: `/animate ${script.change}` }, [photo]);
}

const isAnswer = (message) => message.from.bot && message.reply !== null;
const isVideo = (message) => message.from.bot && message.media?.kind === "video";
const find = (chat, wanted) => [...world.chats.get(chat).messages.values()].reverse().find(wanted);

async function typeIn(text) {
  for (let count = 1; count <= text.length; count += 1) {
    put(text.slice(0, count));
    await pause(TYPING);
  }
}

function put(text) {
  byId("words").value = text;
  byId("words").dispatchEvent(new Event("input"));
}

/** Show a tap on a button, and press it. */
async function press(message, row, column) {
  const key = await until(() => byId(`key-${message.id}-${row}-${column}`));
  const { left, top, width, height } = key.getBoundingClientRect();
  const tap = byId("tap");
  tap.style.translate = `${left + width / 2}px ${top + height / 2}px`;
  tap.hidden = false;
  await pause(450);
  key.click();
  await pause(350);
  tap.hidden = true;
}

function caption(words) {
  byId("autoplay-words").textContent = words;
  byId("autoplay-bar").hidden = false;
}

/** Wait until `look` returns something, and return it. */
async function until(look) {
  const last = Date.now() + TIMEOUT;
  while (Date.now() < last) {
    const found = look();
    if (found) return found;
    await pause(50);
  }
  throw new Over("the bot does not answer");
}

async function pause(milliseconds) {
  await new Promise((passed) => setTimeout(passed, milliseconds));
  checkPlaying();
}

/** Throw if the demonstration has ended. */
function checkPlaying() {
  if (!playing) throw new Over("taken over");
}
