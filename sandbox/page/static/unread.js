// Counts of unread messages by chat and topic.

import { byId, make } from "./dom.js";
import { chatHere, here, isHere, on } from "./world.js";

const counts = new Map();
const keyOf = (chat, topic) => `${chat}/${topic ?? ""}`;

/** Set up counting; called before the parts that draw counts, so that theirs are current. */
export function countUnread() {
  on("state", () => counts.clear()); // the demo may have been restarted
  on("message", (message) => {
    if (message.service !== null || message.from.id === here.person) return;
    if (isHere(message) && isInSight()) return;
    const key = keyOf(message.chat, message.topic);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  on("moved", () => isInSight() && counts.delete(keyOf(here.chat, chatHere().forum ? here.topic : null)));
}

/** Return the unread messages of a topic; null is the general one, or a chat without topics. */
export const unreadOf = (chat, topic) => counts.get(keyOf(chat, topic)) ?? 0;

/** Return the unread messages of a chat in all its topics. */
export const unreadIn = (chat) =>
  [null, ...chat.topics.map(({ id }) => id)].reduce((sum, topic) => sum + unreadOf(chat.id, topic), 0);

/** Return the badge of a count; null for 0. */
export const badge = (count) =>
  count ? make("span", { class: "badge", "aria-label": `${count} new` }, String(count)) : null;

/** Whether the conversation is visible; on a phone the list of chats may cover it. */
const isInSight = () => byId("conversation").checkVisibility();
