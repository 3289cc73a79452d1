// Behind the scenes: how long a video takes, what goes wrong next, what the provider was asked.

import { byId, fill, make } from "./dom.js";
import { attempt } from "./notes.js";
import { act } from "./server.js";
import { here, on, personHere, world } from "./world.js";

const HELD = "Out of credit: the bot lets nothing through until it has looked at the account again.";
const app = byId("app");
const pace = byId("pace");

/** Begin to show the panel and to do what is set in it. */
export function openPanel() {
  on("state panel moved", draw);
  pace.addEventListener("input", () => sayPace(Number(pace.value)));
  pace.addEventListener("change", () => wish({ render_seconds: Number(pace.value) }));
  byId("flood").addEventListener("change", (change) => wish({ flood: change.target.checked }));
  byId("blocked").addEventListener("change", (change) =>
    wish({ blocks: { [here.person]: change.target.checked } }),
  );
  byId("panel-open").addEventListener("click", () => (isOpen() ? close() : open()));
  byId("panel-close").addEventListener("click", close);
  byId("panel").addEventListener("keydown", (key) => key.key === "Escape" && close());
  const wide = matchMedia("(min-width: 72rem)"); // else it lies over everything
  wide.addEventListener("change", () => show(wide.matches));
  show(wide.matches);
}

const isOpen = () => app.classList.contains("with-panel");
const wish = (change) => attempt(() => act("panel", change));

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
  const { panel } = world;
  if (document.activeElement !== pace) pace.value = panel.render_seconds;
  sayPace(Number(panel.render_seconds));
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
  const radio = { type: "radio", name: "outcome", value: name, onchange: () => wish({ next: name }) };
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
