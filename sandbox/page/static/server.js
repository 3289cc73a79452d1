// The requests of the page to its server.

const RECONNECT_MILLISECONDS = 2000;

/** The server does not answer. */
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

/** Send an action, such as press or pay, and return its answer; throws an error to show. */
export async function act(name, body) {
  return asked(`/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Send a message: a text, files, or both. */
export async function say(said, files = []) {
  const form = new FormData();
  form.append("said", JSON.stringify(said));
  for (const file of files) form.append("file", file);
  return asked("/say", { method: "POST", body: form });
}

/** Return the menu of commands for a person in a chat. */
export async function commands(person, chat) {
  return asked(`/commands?${new URLSearchParams({ person, chat })}`);
}

/** Return a ready photo. */
export async function readyPhoto(name) {
  return (await fetched(`/photos/${name}.jpg`)).blob();
}

/** Receive events; each connection starts with one that holds the whole state. */
export function listen(onEvent, onConnection) {
  const source = new EventSource("/events");
  source.onopen = () => onConnection(true);
  source.onerror = () => {
    onConnection(false);
    const gaveUp = source.readyState === EventSource.CLOSED; // some browsers do not reconnect
    if (gaveUp) setTimeout(listen, RECONNECT_MILLISECONDS, onEvent, onConnection);
  };
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
}
