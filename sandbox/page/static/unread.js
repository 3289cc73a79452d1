// What came where the visitor was not looking, counted by chat and topic.

import { byId, make } from "./dom.js";
import { chatHere, here, isHere, on } from "./world.js";

const news = new Map();
const nameOf = (chat, topic) => `${chat}/${topic ?? ""}`;

/** Begin to count; what is drawn from it is drawn later. */
export function countNews() {
  on("state", () => news.clear()); // the demo may be another one
  on("message", (message) => {
    if (message.service !== null || message.from.id === here.person) return;
    if (isHere(message) && isInSight()) return;
    const name = nameOf(message.chat, message.topic);
    news.set(name, (news.get(name) ?? 0) + 1);
  });
  on("moved", () => isInSight() && news.delete(nameOf(here.chat, chatHere().forum ? here.topic : null)));
}

/** How much is new in a topic; null is the general one, or a chat without topics. */
export const newsOf = (chat, topic) => news.get(nameOf(chat, topic)) ?? 0;

/** How much is new in a chat with all its topics. */
export const newsIn = (chat) =>
  [null, ...chat.topics.map(({ id }) => id)].reduce((sum, topic) => sum + newsOf(chat.id, topic), 0);

/** The sign of so much news; of none, none. */
export const badge = (count) =>
  count ? make("span", { class: "badge", "aria-label": `${count} new` }, String(count)) : null;

/** On a phone, the list of chats may cover the conversation. */
const isInSight = () => byId("conversation").checkVisibility();
