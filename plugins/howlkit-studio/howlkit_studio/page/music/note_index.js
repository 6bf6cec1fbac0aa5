/**
 * Notes by time: an index that finds those that sound between two ticks without looking at all.
 */

/** @import { Note } from "../protocol.js" */

const WIDTH = 1920; // ticks of a bucket
const MOST_BUCKETS = 64; // a longer note is kept apart, so that it does not fill thousands

export class NoteIndex {
  constructor() {
    /** @type {Map<number, Note[]>} */
    this.buckets = new Map();
    /** @type {Set<Note>} */
    this.long = new Set();
  }

  /** @param {Note} note */
  add(note) {
    const [first, last] = spanned(note);
    if (last - first >= MOST_BUCKETS) {
      this.long.add(note);
      return;
    }
    for (let at = first; at <= last; at += 1) {
      const bucket = this.buckets.get(at);
      if (bucket) bucket.push(note);
      else this.buckets.set(at, [note]);
    }
  }

  /** @param {Note} note as it was added */
  delete(note) {
    if (this.long.delete(note)) return;
    const [first, last] = spanned(note);
    for (let at = first; at <= last; at += 1) {
      const bucket = this.buckets.get(at) ?? [];
      const place = bucket.indexOf(note);
      if (place < 0) continue;
      bucket[place] = bucket[bucket.length - 1];
      bucket.pop();
    }
  }

  /**
   * Visit each note that sounds at some time from `from` to before `until`, once.
   *
   * @param {number} from ticks
   * @param {number} until
   * @param {(note: Note) => void} visit
   */
  visit(from, until, visit) {
    const first = Math.floor(from / WIDTH);
    const last = Math.floor(until / WIDTH);
    for (let at = first; at <= last; at += 1) {
      const bucket = this.buckets.get(at);
      if (!bucket) continue;
      for (let place = 0; place < bucket.length; place += 1) {
        const note = bucket[place];
        // A note stands in each of its buckets; the first that is looked at counts.
        if (at !== first && Math.floor(note.start / WIDTH) !== at) continue;
        if (note.start < until && note.start + note.duration > from) visit(note);
      }
    }
    for (const note of this.long) {
      if (note.start < until && note.start + note.duration > from) visit(note);
    }
  }
}

/**
 * @param {Note} note
 * @returns {[number, number]} its first and its last bucket
 */
function spanned({ start, duration }) {
  return [Math.floor(start / WIDTH), Math.floor((start + duration - 1) / WIDTH)];
}
