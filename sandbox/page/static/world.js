// What is known of the chats, who is looking at which, and who wants to hear of changes.

/** People, chats with their messages by id, the panel, the ready photos, and the show, if one is due. */
export const world = { bot: null, people: [], chats: new Map(), panel: null, photos: [], show: null };

/** Who the visitor is and where: a person, a chat and, in a forum, a topic. */
export const here = { person: null, chat: null, topic: null };

const listeners = new Map();

/** Call `listener` whenever one of these things happens. */
export function on(kinds, listener) {
  for (const kind of kinds.split(" ")) {
    listeners.set(kind, [...(listeners.get(kind) ?? []), listener]);
  }
}

/** Tell that something happened. */
export function tell(kind, about) {
  for (const listener of listeners.get(kind) ?? []) listener(about);
}

/** Take in what the server tells. */
export function hear(event) {
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
  world.show = state.show;
  world.chats = new Map(state.chats.map((chat) => [chat.id, chat]));
  for (const chat of state.chats) {
    chat.messages = new Map(chat.messages.map((message) => [message.id, message]));
  }
  settle();
}

/** The chats a person sees, their own private one first. */
export function chatsOf(person) {
  return [...world.chats.values()].filter((chat) => chat.members.includes(person));
}

export const chatHere = () => world.chats.get(here.chat);
export const personHere = () => world.people.find((person) => person.id === here.person);

/** What a chat is called. */
export const nameOf = (chat) => chat.title ?? world.bot.name;

/** Whose face stands for a chat: the bot's where one is alone with it. */
export const faceOf = (chat) =>
  chat.type === "private" ? world.bot : { id: chat.id, name: chat.title, bot: false };

/** Whether something with a chat and a topic, such as a message, belongs to what is open. */
export function isHere({ chat, topic }) {
  return chat === here.chat && (!chatHere().forum || topic === here.topic);
}

/** Go somewhere else; the address remembers it, so that a reload comes back. */
export function go(place) {
  Object.assign(here, place);
  settle();
  history.replaceState(null, "", `#${new URLSearchParams(Object.entries(here).filter(([, id]) => id))}`);
  tell("moved");
}

/** Come back to the place the address names. */
export function returnToAddress() {
  const place = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(here)) here[name] = Number(place.get(name)) || null;
}

/** See to it that the place exists: a known person, a chat they are in, a topic of that chat. */
function settle() {
  if (!personHere()) here.person = world.people[0].id;
  if (!chatHere()?.members.includes(here.person)) here.chat = chatsOf(here.person)[0].id;
  if (!chatHere().topics.some((topic) => topic.id === here.topic)) here.topic = null;
}
