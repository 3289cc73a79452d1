// The panel: actions to try, the next fault, and the requests to the provider.

import { byId, fill, make } from "./dom.js";
import { attempt } from "./notes.js";
import { act } from "./server.js";
import { chatHere, here, on, personHere, tell, world } from "./world.js";

const HELD = "Out of credit: the bot lets nothing through until it has looked at the account again.";
const app = byId("app");
const pace = byId("pace");
let pending = 0; // changes the server has not answered yet

/** Set up the panel. */
export function openPanel() {
  on("state panel moved standing", draw);
  pace.addEventListener("input", () => sayPace(Number(pace.value)));
  pace.addEventListener("change", () => sendChange({ render_seconds: Number(pace.value) }));
  byId("flood").addEventListener("change", (change) => sendChange({ flood: change.target.checked }));
  byId("blocked").addEventListener("change", (change) =>
    sendChange({ blocks: { [here.person]: change.target.checked } }),
  );
  byId("restart").addEventListener("click", () => sendChange({ restart: true }));
  byId("privacy").addEventListener("change", (change) => sendChange({ privacy: change.target.checked }));
  byId("language").addEventListener("change", (change) =>
    sendChange({ languages: { [here.person]: change.target.value } }),
  );
  for (const kind of ["voice", "sticker"]) {
    byId(`send-${kind}`).addEventListener("click", () => {
      uncoverChat();
      attempt(() => act("send", { person: here.person, chat: here.chat, topic: here.topic, kind }));
    });
  }
  byId("forward").addEventListener("click", () => {
    uncoverChat();
    tell("choose");
  });
  byId("move").addEventListener("click", () =>
    attempt(() => act("move", { person: here.person, chat: here.chat, into: !chatHere().has_bot })),
  );
  byId("panel-open").addEventListener("click", () => (isOpen() ? close() : open()));
  byId("panel-close").addEventListener("click", close);
  byId("panel").addEventListener("keydown", (key) => key.key === "Escape" && close());
  show(false);
}

/** Close the panel if it covers the chat. */
function uncoverChat() {
  if (!matchMedia("(min-width: 72rem)").matches) close();
}

const isOpen = () => app.classList.contains("with-panel");

/** Send a change; the panel is not redrawn until it is answered, so that inputs do not jump. */
async function sendChange(change) {
  pending += 1;
  const panel = await attempt(() => act("panel", change));
  pending -= 1;
  if (panel) world.panel = panel;
  draw();
}

function open() {
  show(true);
  byId("panel-close").focus();
}

function close() {
  show(false);
  byId("panel-open").focus();
}

function show(open) {
  app.classList.toggle("with-panel", open);
  byId("panel-open").setAttribute("aria-expanded", String(open));
}

function draw() {
  if (pending) return;
  const { panel } = world;
  if (document.activeElement !== pace) pace.value = panel.render_seconds;
  sayPace(Number(panel.render_seconds));
  byId("restart").disabled = !panel.restarts || panel.restarting;
  byId("restart").textContent = panel.restarting ? "It is coming back …" : "Restart the bot";
  byId("privacy").checked = panel.privacy;
  byId("move").hidden = chatHere().type === "private";
  byId("move").textContent = chatHere().has_bot ? "Remove the bot" : "Add the bot again";
  if (!byId("language").options.length) {
    const languages = Object.entries(panel.languages);
    fill(byId("language"), languages.map(([value, name]) => make("option", { value }, name)));
  }
  byId("language").value = panel.language[here.person];
  drawOutcomes(panel);
  byId("held").textContent = panel.held ? HELD : "";
  byId("flood").checked = panel.flood;
  byId("blocked").checked = panel.blocked.includes(here.person);
  byId("blocked-who").textContent = personHere().name;
  byId("requests").hidden = panel.requests.length === 0;
  fill(byId("requests"), [...panel.requests].reverse().map(drawRequest));
  const left = `$${Number(panel.balance_usd).toFixed(2)} left`;
  byId("total").textContent = panel.requests.length
    ? `Spent $${Number(panel.spent_usd).toFixed(2)}, ${left}. Failed videos cost nothing.`
    : `Nothing yet; ${left} (play money).`;
}

function sayPace(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  const words = [minutes ? `${minutes} min` : "", rest || !minutes ? `${rest} s` : ""].join(" ").trim();
  byId("pace-said").textContent = words;
  pace.setAttribute("aria-valuetext", words);
}

function drawOutcomes(panel) {
  const place = byId("outcomes");
  if (place.children.length !== panel.outcomes.length) fill(place, panel.outcomes.map(drawOutcome));
  for (const radio of place.querySelectorAll("input")) radio.checked = radio.value === panel.next;
}

function drawOutcome({ name, label, hint }) {
  const radio = { type: "radio", name: "outcome", value: name, onchange: () => sendChange({ next: name }) };
  return make(
    "label",
    { class: "check" },
    make("input", radio),
    make("span", {}, label, " ", make("small", {}, hint)),
  );
}

function drawRequest(request) {
  const shape = request.width ? `${request.seconds} s · ${request.width}×${request.height}` : "";
  return make(
    "li",
    { "data-status": request.status.split(" ")[0] },
    make("strong", {}, request.model),
    make("span", { class: "price" }, `$${Number(request.usd).toFixed(2)}`),
    make("span", {}, shape),
    make("span", { class: "status" }, request.status),
  );
}
