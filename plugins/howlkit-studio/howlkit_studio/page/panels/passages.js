/**
 * A passage that the model wrote: where, with which seed and settings; to be used again.
 */

import { make } from "../dom.js";
import { PASSAGES } from "../roll/colours.js";
import { spanWords } from "./together.js";

/** @import { Parts } from "../main.js" */
/** @import { Passage } from "../protocol.js" */
/** @import { Together } from "./together.js" */

/**
 * @param {Parts} app
 * @param {Together} together
 * @param {Passage} passage
 */
export function passageRow(app, together, passage) {
  const { studio } = app;
  const select = () => {
    const ids = [...studio.piece.notes.values()].filter(({ by }) => by === passage.id).map(({ id }) => id);
    studio.select(ids);
    if (ids.length) app.view.reveal(studio.selected()[0].start);
    else studio.say("None of its notes are in this state of the piece.");
  };
  return make(
    "li",
    {},
    make("span", { class: `swatch passage-${passage.id % PASSAGES}` }),
    make("div", {}, make("strong", { text: whereOf(app, passage) }), make("p", { class: "about", text: settingsOf(passage) })),
    make("div", { class: "row" }, make("button", { text: "Use again", onclick: () => together.reuse(passage) }), make("button", { text: "Select", onclick: select })),
  );
}

/**
 * @param {Parts} app
 * @param {Passage} passage
 */
function whereOf(app, { kind, settings }) {
  if (kind === "remake") return `${spanWords(app, settings.begin, settings.stop)}, made anew`;
  const length = settings.beats ? `${settings.beats} beats` : `${settings.bars} bars`;
  return `${length} from ${app.studio.piece.time.words(settings.at)}`;
}

/** @param {Passage} passage */
function settingsOf({ model, seed, settings }) {
  const controls = Object.entries(settings.controls ?? {}).filter(([, value]) => value !== null);
  const words = controls.map(([name, value]) => `${name.replaceAll("_", " ")} ${Array.isArray(value) ? value.join("–") : value}`);
  if (settings.keep) words.push(`${settings.keep} kept`);
  return [model, `seed ${seed}`, ...words].join(" · ");
}
