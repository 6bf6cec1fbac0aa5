/**
 * From what the server says to what a page knows.
 */

import { count } from "./actions.js";
import { rows } from "./protocol.js";

/** @import { Studio } from "./studio.js" */
/** @import { MadeNote, ServerMessage, State, Take } from "./protocol.js" */

/**
 * Let a studio hear its link.
 *
 * @param {Studio} studio
 */
export function hearServer(studio) {
  const { link } = studio;
  link.on("hello", (message) => {
    studio.controls = message.controls;
    studio.exports = message.exports;
    studio.model = message.model;
    studio.making = null;
    studio.tell("hello", "model", "making");
  });
  link.on("model", (message) => {
    studio.model = message;
    studio.tell("model");
  });
  link.on("piece", (message) => pieceCame(studio, message));
  link.on("changed", (message) => changeCame(studio, message));
  link.on("history", (message) => {
    studio.states = new Map(
      /** @type {State[]} */ (rows(message.states)).map((state) => [state.id, state]),
    );
    studio.tell("history");
  });
  link.on("told", (message) => studio.say(message.text));
  hearModel(studio);
}

/** @param {Studio} studio */
function hearModel(studio) {
  const { link } = studio;
  link.on("making", (message) => {
    studio.making = { ...message, notes: [] };
    studio.tell("making");
  });
  link.on("draft", (message) => {
    const { making } = studio;
    if (!making) return;
    making.notes.length = Math.min(making.notes.length, message.keep);
    making.notes.push(.../** @type {MadeNote[]} */ (rows(message.notes)));
    studio.tell("preview");
  });
  link.on("takes", (message) => {
    studio.takes = message.takes.length ? takesOf(message) : null;
    studio.tell("takes", "preview");
  });
  link.on("made", (message) => {
    const kind = studio.making?.kind;
    studio.making = null;
    if (message.text) studio.say(message.text, message.how === "failed" ? "trouble" : "note");
    else if (kind === "remake" && studio.takes) studio.say(`${count(studio.takes.takes.length, "take")} to choose from.`);
    else if (kind === "go_on") studio.say(`The model wrote ${count(message.notes, "note")}.`);
    studio.tell("making", "preview");
  });
  link.on("surprise", (message) => {
    studio.surprise = new Map(
      message.id.map((/** @type {number} */ id, /** @type {number} */ at) => [id, message.nats[at]]),
    );
    studio.surprising = mostOf(message.nats);
    studio.tell("surprise");
  });
}

/**
 * The nats at which the colours of surprise end: nearly all notes have fewer.
 *
 * @param {(number | null)[]} nats
 */
function mostOf(nats) {
  const known = nats.filter((each) => each !== null).sort((one, other) => one - other);
  return Math.max(4, Math.ceil(known[Math.floor(known.length * 0.95)] ?? 0));
}

/** @param {ServerMessage} message */
function takesOf(message) {
  const takes = message.takes.map((/** @type {any} */ take) => ({ ...take, notes: rows(take.notes) }));
  const { begin, stop } = message;
  return { begin, stop, replaced: new Set(message.replaced), takes: /** @type {Take[]} */ (takes), chosen: -1 };
}

/**
 * @param {Studio} studio
 * @param {ServerMessage} message
 */
function pieceCame(studio, message) {
  const other = message.project !== studio.piece.project;
  studio.piece.replace(message);
  studio.preview = null;
  if (other) {
    studio.selection.clear();
    studio.region = null;
    studio.takes = null;
    studio.making = null;
    studio.muted.clear();
    studio.solo.clear();
    studio.cursor = { tick: 0, pitch: middle(studio) };
  }
  tidy(studio);
  if (other) studio.tell("piece", "region", "takes", "making", "mix", "cursor");
  studio.tell("changed", "selection", "preview");
}

/**
 * @param {Studio} studio
 * @param {ServerMessage} message
 */
function changeCame(studio, message) {
  if (message.from === studio.piece.head && message.head === message.from) {
    studio.show(null); // nothing has changed: what the mouse showed is over
    return;
  }
  if (!studio.piece.change(message)) {
    void studio.ask({ do: "piece" });
    void studio.ask({ do: "history" });
    return;
  }
  growHistory(studio, message);
  if (message.by > 0 && studio.making?.kind === "go_on") studio.making.notes = [];
  studio.preview = null;
  tidy(studio);
  studio.tell("changed", "selection", "preview", "history");
}

/**
 * @param {Studio} studio
 * @param {ServerMessage} message
 */
function growHistory(studio, message) {
  if (["undo", "redo", "go"].includes(message.what) || studio.states.has(message.head)) return;
  studio.states.set(message.head, {
    id: message.head,
    parent: message.from,
    what: message.what,
    by: message.by,
    when: Date.now() / 1000,
    notes: message.notes.id.length + message.gone.length,
  });
}

/**
 * Forget what no longer is: selected notes that have gone, a track that was removed.
 *
 * @param {Studio} studio
 */
function tidy(studio) {
  const { piece } = studio;
  for (const id of studio.selection) if (!piece.notes.has(id)) studio.selection.delete(id);
  if (!piece.track(studio.track)) studio.track = piece.tracks[0]?.id ?? 0;
  if (!studio.region) return;
  const tracks = new Set([...studio.region.tracks].filter((id) => piece.track(id)));
  studio.region = tracks.size ? { ...studio.region, tracks } : null;
}

/**
 * The middle of the pitches of a piece.
 *
 * @param {Studio} studio
 */
function middle({ piece }) {
  let low = 127;
  let high = 0;
  for (const { pitch } of piece.notes.values()) {
    low = Math.min(low, pitch);
    high = Math.max(high, pitch);
  }
  return low <= high ? Math.round((low + high) / 2) : 60;
}
