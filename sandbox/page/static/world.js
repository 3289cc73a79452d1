// The state of the page: chats and people, the visitor's place, and listeners for changes.

/** People, chats with their messages by id, the panel, the ready photos, and the demonstration. */
export const world = { bot: null, people: [], chats: new Map(), panel: null, photos: [], autoplay: null };

/** The visitor's person, chat and, in a forum, topic. */
export const here = { person: null, chat: null, topic: null };

const listeners = new Map();

/** Call `listener` on each of these events, separated by spaces. */
export function on(kinds, listener) {
  for (const kind of kinds.split(" ")) {
    listeners.set(kind, [...(listeners.get(kind) ?? []), listener]);
  }
}

/** Call the listeners of an event. */
export function tell(kind, about) {
  for (const listener of listeners.get(kind) ?? []) listener(about);
}

/** Apply an event of the server, and call its listeners. */
export function receive(event) {
  const chat = world.chats.get(event.message?.chat ?? event.chat);
  switch (event.kind) {
    case "state":
      takeState(event.state);
      return tell("state");
    case "message": {
      const known = chat.messages.has(event.message.id);
      chat.messages.set(event.message.id, event.message);
      if (!event.message.from.bot) chat.started = true;
      return tell(known ? "edit" : "message", event.message);
    }
    case "delete":
      chat?.messages.delete(event.id);
      return tell("delete", event);
    case "standing":
      if (chat) chat.has_bot = event.has_bot;
      return tell("standing", event);
    case "panel":
      world.panel = event.panel;
      return tell("panel");
    case "bot":
      world.bot = event.bot;
      return tell("bot");
    default:
      return tell(event.kind, event);
  }
}

function takeState(state) {
  Object.assign(world, { bot: state.bot, people: state.people, panel: state.panel });
  world.photos = state.photos;
  world.autoplay = state.autoplay;
  world.chats = new Map(state.chats.map((chat) => [chat.id, chat]));
  for (const chat of state.chats) {
    chat.messages = new Map(chat.messages.map((message) => [message.id, message]));
  }
  correctPlace();
}

/** Return the chats of a person, the private one first. */
export function chatsOf(person) {
  return [...world.chats.values()].filter((chat) => chat.members.includes(person));
}

export const chatHere = () => world.chats.get(here.chat);
export const personHere = () => world.people.find((person) => person.id === here.person);

/** Return the title of a chat. */
export const nameOf = (chat) => chat.title ?? world.bot.name;

/** Return the owner of a chat's avatar: the bot for a private chat. */
export const faceOf = (chat) =>
  chat.type === "private" ? world.bot : { id: chat.id, name: chat.title, bot: false };

/** Whether a message or event belongs to the open chat and topic. */
export function isHere({ chat, topic }) {
  return chat === here.chat && (!chatHere().forum || topic === here.topic);
}

/** Go to another place and store it in the address, so that a reload returns to it. */
export function go(place) {
  Object.assign(here, place);
  correctPlace();
  history.replaceState(null, "", `#${new URLSearchParams(Object.entries(here).filter(([, id]) => id))}`);
  tell("moved");
}

/** Restore the place stored in the address. */
export function returnToAddress() {
  const place = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(here)) here[name] = Number(place.get(name)) || null;
}

/** Correct the place: a known person, a chat of theirs, a topic of that chat. */
function correctPlace() {
  if (!personHere()) here.person = world.people[0].id;
  if (!chatHere()?.members.includes(here.person)) here.chat = chatsOf(here.person)[0].id;
  if (!chatHere().topics.some((topic) => topic.id === here.topic)) here.topic = null;
}
