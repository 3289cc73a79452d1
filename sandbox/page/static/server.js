// Everything this page asks of its server.

const TRY_AGAIN = 2000; // milliseconds

/** Nobody answers at all. */
export class Unreachable extends Error {}

async function fetched(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new Unreachable("The demo does not answer. Does it still run in its terminal?");
  }
}

async function asked(address, options) {
  const response = await fetched(address, options);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? response.statusText);
  return body;
}

/** Ask for a change: press, pay, change, remove, ask, pick, panel. Throws with words to show. */
export async function act(name, body) {
  return asked(`/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Say something as somebody: a text, files, or both. */
export async function say(said, files = []) {
  const form = new FormData();
  form.append("said", JSON.stringify(said));
  for (const file of files) form.append("file", file);
  return asked("/say", { method: "POST", body: form });
}

/** The commands Telegram would offer a person in a chat. */
export async function commands(person, chat) {
  return asked(`/commands?${new URLSearchParams({ person, chat })}`);
}

/** One of the ready photos. */
export async function readyPhoto(name) {
  return (await fetched(`/photos/${name}.jpg`)).blob();
}

/** Hear of everything that happens; after a break the whole state comes first again. */
export function listen(onEvent, onConnection) {
  const source = new EventSource("/events");
  source.onopen = () => onConnection(true);
  source.onerror = () => {
    onConnection(false);
    const gaveUp = source.readyState === EventSource.CLOSED; // as some browsers do at once
    if (gaveUp) setTimeout(listen, TRY_AGAIN, onEvent, onConnection);
  };
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
}
