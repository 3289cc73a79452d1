// Everything this page asks of its server.

async function answered(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.error ?? response.statusText);
  return body;
}

/** Ask for a change: press, change, remove, ask, pick, panel. Throws with words to show. */
export async function act(name, body) {
  return answered(
    await fetch(`/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
}

/** Say something as somebody: a text, files, or both. */
export async function say(said, files = []) {
  const form = new FormData();
  form.append("said", JSON.stringify(said));
  for (const file of files) form.append("file", file);
  return answered(await fetch("/say", { method: "POST", body: form }));
}

/** The commands Telegram would offer a person in a chat. */
export async function commands(person, chat) {
  return answered(await fetch(`/commands?${new URLSearchParams({ person, chat })}`));
}

/** Hear of everything that happens; after a break the whole state comes first again. */
export function listen(onEvent, onConnection) {
  const source = new EventSource("/events");
  source.onopen = () => onConnection(true);
  source.onerror = () => onConnection(false);
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
}
