/**
 * The piece as the server last said it is: its notes by id and by time, tracks, tempos, passages.
 */

import { rows } from "../protocol.js";
import { NoteIndex } from "./note_index.js";
import { TimeMap } from "./time_map.js";

/** @import { Note, Passage, ServerMessage, Track } from "../protocol.js" */

export class Piece {
  constructor() {
    this.project = "";
    this.name = "";
    this.head = -1;
    this.end = 0; // ticks
    this.canUndo = false;
    this.canRedo = false;
    /** @type {Map<number, Note>} */
    this.notes = new Map();
    this.index = new NoteIndex();
    /** @type {Track[]} */
    this.tracks = [];
    /** @type {Map<number, Passage>} */
    this.passages = new Map();
    /** @type {{ tick: number, microseconds: number }[]} */
    this.tempos = [];
    /** @type {{ tick: number, numerator: number, denominator: number }[]} */
    this.signatures = [];
    this.ticksPerBeat = 480;
    this.time = new TimeMap(480, [], []);
  }

  /**
   * Become another piece, or another state, as a `piece` says.
   *
   * @param {ServerMessage} message
   */
  replace(message) {
    this.project = message.project;
    this.name = message.name;
    this.ticksPerBeat = message.ticks_per_beat;
    this.notes.clear();
    this.index = new NoteIndex();
    this.passages = new Map(message.passages.map((/** @type {Passage} */ each) => [each.id, each]));
    this.take(message);
  }

  /**
   * Change as a `changed` says.
   *
   * @param {ServerMessage} message
   * @returns {boolean} false if something was missed, and the whole piece is needed
   */
  change(message) {
    if (message.from !== this.head) return false;
    for (const id of message.gone) this.forget(id);
    if (message.passage) this.passages.set(message.passage.id, message.passage);
    this.take(message);
    return true;
  }

  /**
   * Take in what both kinds of message have.
   *
   * @param {ServerMessage} message
   */
  take(message) {
    for (const note of /** @type {Note[]} */ (rows(message.notes))) {
      this.forget(note.id);
      this.notes.set(note.id, note);
      this.index.add(note);
    }
    this.head = message.head;
    this.end = message.end;
    this.canUndo = message.can_undo;
    this.canRedo = message.can_redo;
    if (message.tracks) this.tracks = rows(message.tracks);
    if (message.tempos) this.tempos = rows(message.tempos);
    if (message.time_signatures) this.signatures = rows(message.time_signatures);
    if (message.tempos || message.time_signatures) {
      this.time = new TimeMap(this.ticksPerBeat, this.tempos, this.signatures);
    }
  }

  /** @param {number} id */
  forget(id) {
    const note = this.notes.get(id);
    if (!note) return;
    this.index.delete(note);
    this.notes.delete(id);
  }

  /**
   * @param {number} id
   * @returns {Track | undefined}
   */
  track(id) {
    return this.tracks.find((track) => track.id === id);
  }
}
