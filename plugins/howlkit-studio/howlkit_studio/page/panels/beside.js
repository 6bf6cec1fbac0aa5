/**
 * What stands beside the piano-roll: where the cursor is, the selected notes, what colours mean.
 */

import { count } from "../actions.js";
import { byId, make } from "../dom.js";
import { keyName, pitchOf, trackName } from "../music/names.js";
import { PASSAGES, TRACKS } from "../roll/colours.js";

/** @import { App } from "../main.js" */
/** @import { Note } from "../protocol.js" */

/** @param {App} app */
export function makeBeside(app) {
  const { studio } = app;
  const here = byId("here", HTMLElement);
  const inspector = byId("inspector", HTMLElement);
  const legend = byId("legend", HTMLElement);
  studio.on("cursor selection changed", () => {
    const text = hereText(app);
    if (here.textContent !== text) here.textContent = text;
  });
  studio.on("selection changed", () => inspect(app, inspector));
  studio.on("piece changed settings making surprise", () => explain(app, legend));
}

/** @param {App} app */
function hereText({ studio }) {
  const { piece, cursor } = studio;
  const notes = studio.selected();
  if (notes.length === 1) return describe(studio, notes[0]);
  if (notes.length) return `${count(notes.length, "note")} selected`;
  const program = piece.track(studio.track)?.program ?? 0;
  const text = `${piece.time.words(cursor.tick)}, ${keyName(cursor.pitch, program)}`;
  return text[0].toUpperCase() + text.slice(1);
}

/**
 * A note in words.
 *
 * @param {App["studio"]} studio
 * @param {Note} note
 */
export function describe(studio, note) {
  const { piece } = studio;
  const track = piece.track(note.track);
  const beats = Math.round((note.duration / piece.ticksPerBeat) * 100) / 100;
  const nats = studio.surprise.get(note.id);
  const surprise = studio.colourBy === "surprise" && typeof nats === "number" ? `, ${nats.toFixed(1)} nats` : "";
  const locked = note.locked ? ", locked" : "";
  return `${keyName(note.pitch, track?.program ?? 0)}, ${piece.time.words(note.start)}, ${count(beats, "beat")}, velocity ${note.velocity}, ${authorOf(studio, note)}${surprise}${locked}`;
}

/**
 * @param {App["studio"]} studio
 * @param {Note} note
 */
function authorOf({ piece }, note) {
  if (note.by === 0) return "by you";
  return note.by < 0 ? "from a file" : `by ${piece.passages.get(note.by)?.model ?? "a model"}`;
}

/**
 * @param {App} app
 * @param {HTMLElement} inspector
 */
function inspect({ studio }, inspector) {
  const notes = studio.selected();
  inspector.hidden = !notes.length;
  if (!notes.length || inspector.contains(document.activeElement)) return;
  const ids = () => [...studio.selection];
  const same = (/** @type {"pitch" | "velocity" | "duration"} */ name) =>
    notes.every((note) => note[name] === notes[0][name]) ? notes[0][name] : null;
  const program = studio.piece.track(notes[0].track)?.program ?? 0;
  const pitch = same("pitch");
  const beats = same("duration");
  const { ticksPerBeat } = studio.piece;
  const set = (/** @type {string} */ column, /** @type {number} */ value) =>
    studio.edit({ kind: "set", notes: { id: ids(), [column]: ids().map(() => value) } });
  inspector.replaceChildren(
    field("Pitch", pitch === null ? "" : keyName(pitch, program), (text) => {
      const to = pitchOf(text);
      if (to === null) studio.say(`“${text}” is no pitch: write C4, F#3 or 60.`, "trouble");
      else void set("pitch", to);
    }),
    field("Beats", beats === null ? "" : String(Math.round((beats / ticksPerBeat) * 1000) / 1000), (text) => {
      const ticks = Math.round(Number(text) * ticksPerBeat);
      if (ticks > 0) void set("duration", ticks);
    }),
    field("Velocity", String(same("velocity") ?? ""), (text) => {
      void studio.edit({ kind: "velocity", ids: ids(), to: Number(text) });
    }),
  );
}

/**
 * @param {string} label
 * @param {string} value
 * @param {(text: string) => void} changed
 */
function field(label, value, changed) {
  const input = make("input", { value, placeholder: "various", onchange: () => changed(input.value) });
  return make("label", {}, `${label} `, input);
}

/**
 * @param {App} app
 * @param {HTMLElement} legend
 */
function explain({ studio }, legend) {
  const { piece } = studio;
  const entry = (/** @type {string} */ kind, /** @type {string} */ text) =>
    make("li", {}, make("span", { class: `swatch ${kind}` }), make("span", { text }));
  if (studio.colourBy === "surprise") {
    const steps = Array.from({ length: 9 }, (_, at) => make("span", { class: `swatch surprise-${at}` }));
    const text = `0 to ${studio.surprising} nats: from what the model expected to what surprised it`;
    legend.replaceChildren(make("p", { class: "scale" }, ...steps), make("p", { text }));
    return;
  }
  if (studio.colourBy === "track") {
    legend.replaceChildren(make("ul", {}, ...piece.tracks.map((track, at) => entry(`track-${at % TRACKS}`, trackName(track)))));
    return;
  }
  const authors = new Set([...piece.notes.values()].map((note) => note.by));
  const models = [...piece.passages.values()].filter(({ id }) => authors.has(id)).slice(-PASSAGES).map((passage) => {
    const bar = piece.time.bar(passage.settings.at ?? passage.settings.begin ?? 0) + 1;
    return entry(`passage-${passage.id % PASSAGES}`, `model, from bar ${bar}`);
  });
  legend.replaceChildren(make("ul", {}, entry("by-person", "you"), ...(authors.has(-1) ? [entry("by-file", "a file")] : []), ...models));
}
