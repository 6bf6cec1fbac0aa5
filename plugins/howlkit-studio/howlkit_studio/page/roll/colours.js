/**
 * The colours of notes and of what is around them: the page's (style.css), so that they follow light
 * and dark, read once and not at each note.
 */

/** @import { Studio } from "../studio.js" */
/** @import { MadeNote, Note } from "../protocol.js" */

/** How many colours there are for tracks, and for passages; then they come again. */
export const TRACKS = 8;
export const PASSAGES = 6;

const STEPS = 9; // colours of surprise

const NAMES = `ground row-light row-dark octave bar beat ink pale line key-white key-black key-name cursor
  accent region select by-file by-person unpriced`.split(/\s+/);

export class Colours extends EventTarget {
  constructor() {
    super();
    /** @type {{ [name: string]: string }} */
    this.of = {};
    this.read();
  }

  /** Read the page's colours again. */
  read() {
    const style = getComputedStyle(document.documentElement);
    const value = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    for (const name of NAMES) this.of[name] = value(name);
    for (let at = 0; at < TRACKS; at += 1) this.of[`track-${at}`] = value(`track-${at}`);
    for (let at = 0; at < PASSAGES; at += 1) this.of[`passage-${at}`] = value(`passage-${at}`);
    for (let at = 0; at < STEPS; at += 1) this.of[`surprise-${at}`] = value(`surprise-${at}`);
    this.font = style.fontFamily;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * A function from a note to its colour.
   *
   * @param {Studio} studio
   * @returns {(note: Note) => string}
   */
  chooser(studio) {
    if (studio.colourBy === "track") {
      const colours = new Map(
        studio.piece.tracks.map((track, at) => [track.id, this.of[`track-${at % TRACKS}`]]),
      );
      return (note) => colours.get(note.track) ?? this.of.pale;
    }
    if (studio.colourBy === "surprise") {
      return (note) => this.surprise(studio.surprise.get(note.id), studio.surprising);
    }
    return (note) => this.author(note.by);
  }

  /** @param {number} by */
  author(by) {
    if (by > 0) return this.of[`passage-${by % PASSAGES}`];
    return by < 0 ? this.of["by-file"] : this.of["by-person"];
  }

  /**
   * @param {number | null | undefined} nats
   * @param {number} most nats of the last colour
   */
  surprise(nats, most) {
    if (nats === null || nats === undefined) return this.of.unpriced;
    return this.of[`surprise-${Math.min(STEPS - 1, Math.max(0, Math.floor((nats / most) * STEPS)))}`];
  }

  /**
   * The colour of a note that a model is making.
   *
   * @param {Studio} studio
   * @param {MadeNote} note
   * @param {number} passage
   */
  made(studio, note, passage) {
    const at = studio.piece.tracks.findIndex((track) => track.id === note.track);
    if (studio.colourBy === "track" && at >= 0) return this.of[`track-${at % TRACKS}`];
    return this.author(passage);
  }
}
