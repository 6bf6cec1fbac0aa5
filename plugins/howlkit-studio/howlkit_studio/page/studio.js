/**
 * What a page knows: the piece, what is selected, where the cursor is, what is being made.
 *
 * Whoever changes something here calls `tell`; whoever shows it listens. Events: `piece` (another
 * one), `changed` (of its notes or tracks), `selection`, `cursor`, `region`, `settings`, `mix`,
 * `preview`, `making`, `takes`, `surprise`, `history`, `hello`, `model`.
 */

import { Piece } from "./music/piece.js";

/** @import { Link } from "./link.js" */
/** @import { Control, MadeNote, Note, State, Take } from "./protocol.js" */

/**
 * @typedef {object} Region bars and tracks
 * @property {number} begin ticks
 * @property {number} stop
 * @property {Set<number>} tracks
 */

/**
 * What is shown in place of the piece for a while: an edit under the mouse, a take, a draft.
 *
 * @typedef {object} Preview
 * @property {Set<number>} hidden ids of notes
 * @property {(MadeNote | Note)[]} notes
 */

/**
 * @typedef {object} Making
 * @property {number} passage
 * @property {"go_on" | "remake"} kind
 * @property {number} seed
 * @property {{ [name: string]: any }} settings
 * @property {MadeNote[]} notes so far
 */

/**
 * @typedef {object} Takes
 * @property {number} begin ticks
 * @property {number} stop
 * @property {Set<number>} replaced
 * @property {Take[]} takes
 * @property {number} chosen of `takes`, -1 for what is there
 */

/** What a note is coloured by. @typedef {"author" | "track" | "surprise"} ColourBy */

export class Studio extends EventTarget {
  /** @param {Link} link */
  constructor(link) {
    super();
    this.link = link;
    this.piece = new Piece();
    /** @type {Set<number>} */
    this.selection = new Set();
    this.cursor = { tick: 0, pitch: 60 };
    /** @type {Region | null} */
    this.region = null;
    this.track = 0; // the id of the one that new notes go to
    this.grid = 240; // ticks; 0 is none
    this.velocity = 80; // of new notes
    this.length = 0; // ticks of new notes; 0 is the grid
    /** @type {"select" | "draw"} */
    this.tool = "select";
    /** @type {ColourBy} */
    this.colourBy = "author";
    /** @type {"bars" | "seconds"} */
    this.unit = "bars";
    this.loop = false;
    this.metronome = false;
    /** @type {Set<number>} */
    this.muted = new Set();
    /** @type {Set<number>} */
    this.solo = new Set();
    /** @type {Preview | null} */
    this.preview = null;
    /** @type {Making | null} */
    this.making = null;
    /** @type {Takes | null} */
    this.takes = null;
    /** @type {Map<number, number | null>} nats by id */
    this.surprise = new Map();
    this.surprising = 8; // nats of the notes that surprised the model most
    /** @type {Map<number, State>} */
    this.states = new Map();
    /** @type {Control[]} */
    this.controls = [];
    this.model = { state: "loading", name: "", text: "" };
    this.exports = /** @type {{ [format: string]: string }} */ ({});
  }

  /** @param {string[]} what */
  tell(...what) {
    for (const name of what) this.dispatchEvent(new Event(name));
  }

  /**
   * @param {string} names of events, with spaces between them
   * @param {() => void} hear
   */
  on(names, hear) {
    for (const name of names.split(" ")) this.addEventListener(name, hear);
  }

  /**
   * Say something to everybody, screen readers too.
   *
   * @param {string} text
   * @param {"note" | "trouble"} kind
   */
  say(text, kind = "note") {
    this.dispatchEvent(new CustomEvent("say", { detail: { text, kind } }));
  }

  /**
   * Ask the server; what it refuses is said.
   *
   * @param {{ do: string, [name: string]: unknown }} message
   */
  async ask(message) {
    try {
      return await this.link.ask(message);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, "trouble");
      return null;
    }
  }

  /**
   * Ask for an edit; afterwards the notes that it added are selected, if it added some.
   *
   * @param {{ kind: string, [name: string]: unknown }} edit
   */
  async edit(edit) {
    const answer = await this.ask({ do: "edit", edit });
    if (answer && (edit.kind === "add" || edit.kind === "copy")) this.select(answer.notes.id);
    return answer;
  }

  /** @param {Iterable<number>} ids */
  select(ids) {
    this.selection = new Set(ids);
    this.tell("selection");
  }

  /** The selected notes, by start. */
  selected() {
    /** @type {Note[]} */
    const notes = [];
    for (const id of this.selection) {
      const note = this.piece.notes.get(id);
      if (note) notes.push(note);
    }
    return notes.sort((one, other) => one.start - other.start || one.pitch - other.pitch);
  }

  /**
   * Go to a place; a place before the beginning is the beginning.
   *
   * @param {number} tick
   * @param {number} [pitch]
   */
  go(tick, pitch = this.cursor.pitch) {
    this.cursor = { tick: Math.max(0, Math.round(tick)), pitch: Math.min(127, Math.max(0, pitch)) };
    this.tell("cursor");
  }

  /** @param {Region | null} region */
  choose(region) {
    this.region = region && region.stop > region.begin && region.tracks.size ? region : null;
    this.tell("region");
  }

  /** @param {Preview | null} preview */
  show(preview) {
    this.preview = preview;
    this.tell("preview");
  }

  /**
   * The tick rounded to the grid.
   *
   * @param {number} tick
   * @param {(value: number) => number} round
   */
  snapped(tick, round = Math.round) {
    if (!this.grid) return Math.round(tick);
    const { time } = this.piece;
    const bar = time.beginOf(time.bar(Math.max(0, tick)));
    return Math.max(0, bar + round((tick - bar) / this.grid) * this.grid);
  }

  /** Ticks by which keys move: the grid, or an eighth of a beat. */
  get step() {
    return this.grid || Math.max(1, this.piece.ticksPerBeat / 8);
  }

  /** @param {number} id */
  audible(id) {
    return this.solo.size ? this.solo.has(id) : !this.muted.has(id);
  }

  /** The last tick at which something is. */
  get end() {
    let { end } = this.piece;
    for (const note of this.making?.notes ?? []) end = Math.max(end, note.start + note.duration);
    return end;
  }
}
