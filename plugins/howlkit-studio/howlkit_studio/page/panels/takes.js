/**
 * The takes of a region: a picture of each, a button to hear it in place, one to take it.
 */

import { count } from "../actions.js";
import { make } from "../dom.js";
import { thumbnail } from "./thumbnail.js";

/** @import { Parts } from "../main.js" */
/** @import { Take } from "../protocol.js" */
/** @import { Takes } from "../studio.js" */
/** @import { Together } from "./together.js" */

/**
 * @param {Parts} app
 * @param {Together} together
 * @param {HTMLElement} element
 */
export function makeTakes(app, together, element) {
  const { studio, colours } = app;
  const draw = () => {
    const { takes } = studio;
    const came = element.hidden && takes !== null;
    element.hidden = !takes;
    if (!takes) return;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.focus;
    const before = [...takes.replaced].flatMap((id) => studio.piece.notes.get(id) ?? []);
    const pitches = [before, ...takes.takes.map((take) => take.notes)].flat().map((note) => note.pitch);
    const frame = {
      begin: takes.begin, stop: takes.stop,
      low: pitches.reduce((one, other) => Math.min(one, other), 127),
      high: pitches.reduce((one, other) => Math.max(one, other), 0),
    };
    const row = (/** @type {number} */ at, /** @type {any[]} */ notes, /** @type {string[]} */ facts) =>
      takeRow(together, takes, at, thumbnail(notes, frame, at < 0 ? colours.of["by-file"] : colours.of.region), facts);
    element.replaceChildren(
      make("h3", { text: "Takes" }),
      make("p", { class: "about", text: "Listen to each in its place. The one that is marked is shown in the roll." }),
      make("ol", { class: "takes" }, row(-1, before, ["what is there"]), ...takes.takes.map((take, at) => row(at, take.notes, factsOf(take)))),
      make("button", { text: "Take none", onclick: () => void studio.ask({ do: "drop_takes" }) }),
    );
    if (came) element.scrollIntoView({ block: "nearest" });
    if (focused) element.querySelector(`[data-focus="${focused}"]`)?.dispatchEvent(new Event("refocus"));
  };
  studio.on("takes", draw);
  colours.addEventListener("change", draw);
}

/**
 * @param {Together} together
 * @param {Takes} takes
 * @param {number} at
 * @param {HTMLCanvasElement} picture
 * @param {string[]} facts
 */
function takeRow(together, takes, at, picture, facts) {
  const name = at < 0 ? "What is there" : `Take ${at + 1}`;
  const listen = make(
    "button",
    { class: "listen", "aria-pressed": takes.chosen === at, "aria-label": `Listen to ${name.toLowerCase()}: ${facts.join(", ")}${at >= 0 && !takes.takes[at].complete ? ", not all of it could be kept" : ""}`, "data-focus": `listen-${at}`, onclick: () => together.listen(at) },
    make("strong", { text: at < 0 ? "now" : String(at + 1) }),
    picture,
  );
  listen.addEventListener("refocus", () => listen.focus());
  const words = make("span", { text: facts.join(" · ") });
  const whole = at < 0 || takes.takes[at].complete;
  if (!whole) words.append(make("strong", { class: "lacking", text: " · not all of it could be kept" }));
  const line = make("div", { class: "take-line" }, words);
  if (at >= 0) line.append(make("button", { class: "strong", text: "Take this", "aria-label": `Take ${name.toLowerCase()}`, onclick: () => void together.take(at) }));
  return make("li", {}, listen, line);
}

/** @param {Take} take */
function factsOf(take) {
  const facts = [count(take.notes.length, "note")];
  if (take.join !== null) facts.push(`joins at ${take.join.toFixed(1)} nats`);
  facts.push(`${Math.round(take.distance * 100)}\u00a0% new`);
  return facts;
}
