/**
 * Playing: hands notes to the browser a little ahead of when they sound, from the piece as it is at
 * that moment. So what is edited, or comes from the model, while it plays is heard.
 *
 * Events: `state` when it begins or stops, `time` at each frame while it plays.
 */

import { DRUMS } from "../music/names.js";
import { Metronome } from "./metronome.js";
import { limited, Tones } from "./tones.js";

/** @import { MadeNote, Note } from "../protocol.js" */
/** @import { Studio } from "../studio.js" */

/** What a note goes out to beside the bank. @typedef {{ play: (note: { program: number, pitch: number, velocity: number }, inSeconds: number, seconds: number) => void, silence: () => void }} Output */

/**
 * Where the piece is at a moment of the context's clock.
 *
 * @typedef {object} Anchor
 * @property {number} clock seconds of the context
 * @property {number} second of the piece
 */

const LOOK = 40; // milliseconds between two looks
const AHEAD = 0.18; // seconds that are scheduled in advance
const HIDDEN = 1.5; // the same for a page that is not seen: its timers are late
const LEAD = 0.06; // seconds from a click to the first sound
const READY = 4; // seconds of music whose tones are waited for

export class Transport extends EventTarget {
  /** @param {Studio} studio */
  constructor(studio) {
    super();
    this.studio = studio;
    this.playing = false;
    this.starts = 0;
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {Tones | null} */
    this.tones = null;
    /** @type {AudioNode | null} */
    this.out = null;
    /** @type {GainNode | null} of what plays now */
    this.own = null;
    /** @type {Anchor[]} those that hold, one after the other */
    this.anchors = [];
    this.until = 0; // the tick up to which notes are scheduled
    this.metronome = new Metronome(studio);
    /** @type {Output | null} a MIDI output in place of the bank */
    this.output = null;
    this.keepsOn = false; // plays beyond the end: while it records
  }

  /** The audio of the page; begun by a click or a key, as browsers ask. */
  audio() {
    if (!this.context || !this.tones || !this.out) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.tones = new Tones(this.context);
      this.out = limited(this.context);
    }
    return { context: this.context, tones: this.tones, out: this.out };
  }

  /** The tick that is heard, with a fraction; the cursor while nothing plays. */
  get tick() {
    if (!this.playing || !this.context) return this.studio.cursor.tick;
    const now = this.context.currentTime - (this.context.outputLatency || 0);
    const anchor = this.anchors.findLast((each) => each.clock <= now) ?? this.anchors[0];
    return this.studio.piece.time.tick(anchor.second + Math.max(0, now - anchor.clock));
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  /** Play from the cursor on. */
  async play() {
    if (this.playing) return;
    const { studio } = this;
    const { context, tones, out } = this.audio();
    this.starts += 1;
    const { starts } = this;
    let { tick } = studio.cursor;
    if (tick >= studio.end && !studio.making && !this.keepsOn) tick = 0;
    const range = this.range();
    if (range && (tick < range.begin || tick >= range.stop)) tick = range.begin;
    await Promise.all([context.resume(), this.prepare(tones, tick)]);
    if (starts !== this.starts) return; // it was stopped before it began
    this.own = new GainNode(context);
    this.own.connect(out);
    this.anchors = [{ clock: context.currentTime + LEAD, second: studio.piece.time.seconds(tick) }];
    this.until = tick;
    this.playing = true;
    this.dispatchEvent(new Event("state"));
    this.keepAhead(starts);
    this.follow(starts);
  }

  pause() {
    if (!this.playing) {
      this.starts += 1;
      return;
    }
    const { tick } = this;
    this.halt();
    this.studio.go(this.studio.snapped(tick)); // so that what is written there lies on the grid
  }

  halt() {
    this.starts += 1;
    this.playing = false;
    const { own, context } = this;
    if (own && context) {
      own.gain.setTargetAtTime(0, context.currentTime, 0.01);
      setTimeout(() => own.disconnect(), 120);
    }
    this.output?.silence();
    this.dispatchEvent(new Event("state"));
  }

  /**
   * Go to a place; what plays, plays on from there.
   *
   * @param {number} tick
   * @param {number} [pitch]
   */
  seek(tick, pitch) {
    const { playing } = this;
    if (playing) this.halt();
    this.studio.go(tick, pitch);
    if (playing) void this.play();
  }

  /** The ticks that are repeated; null if none are. */
  range() {
    const { loop, region, end } = this.studio;
    if (!loop) return null;
    return region ?? (end > 0 ? { begin: 0, stop: end } : null);
  }

  /**
   * Fetch the tones of the next seconds.
   *
   * @param {Tones} tones
   * @param {number} tick
   */
  async prepare(tones, tick) {
    const { time } = this.studio.piece;
    /** @type {Set<Promise<void>>} */
    const due = new Set();
    this.visit(tick, time.tick(time.seconds(tick) + READY), (note, program) => {
      due.add(tones.prepare(program, note.pitch));
    });
    await Promise.all(due);
  }

  /**
   * Visit what is to be heard of the notes that begin from `from` to before `until`: those of the
   * piece, with a take in its place, and those that the model is making.
   *
   * @param {number} from
   * @param {number} until
   * @param {(note: Note | MadeNote, program: number) => void} visit
   */
  visit(from, until, visit) {
    const { studio } = this;
    const taken = studio.takes && studio.takes.chosen >= 0 ? studio.takes : null;
    const programs = new Map(studio.piece.tracks.map((track) => [track.id, track.program]));
    studio.piece.index.visit(from, until, (note) => {
      if (note.start < from || taken?.replaced.has(note.id) || !studio.audible(note.track)) return;
      visit(note, programs.get(note.track) ?? 0);
    });
    const guests = taken ? taken.takes[taken.chosen].notes : (studio.making?.notes ?? []);
    for (const note of guests) if (note.start >= from && note.start < until) visit(note, note.program);
  }

  /**
   * Schedule what is next, until it is stopped.
   *
   * @param {number} starts
   */
  keepAhead(starts) {
    if (starts !== this.starts || !this.context) return;
    const { time } = this.studio.piece;
    const horizon = this.context.currentTime + (document.hidden ? HIDDEN : AHEAD);
    for (let guard = 0; guard < 64; guard += 1) {
      const anchor = this.anchors[this.anchors.length - 1];
      const range = this.range();
      const stop = range && this.until < range.stop ? range.stop : Infinity;
      const to = Math.min(time.tick(anchor.second + horizon - anchor.clock), stop);
      if (to > this.until) this.schedule(anchor, to);
      if (to < stop || !range) break;
      // The end of the loop: from here on, the piece is at its beginning again.
      const clock = anchor.clock + time.seconds(stop) - anchor.second;
      this.anchors.push({ clock, second: time.seconds(range.begin) });
      this.until = range.begin;
    }
    if (this.anchors.length > 8) this.anchors.splice(0, this.anchors.length - 8);
    setTimeout(() => this.keepAhead(starts), LOOK);
  }

  /**
   * @param {Anchor} anchor
   * @param {number} to tick
   */
  schedule(anchor, to) {
    const { time } = this.studio.piece;
    const { context, tones } = this.audio();
    const own = /** @type {GainNode} */ (this.own);
    const at = (/** @type {number} */ tick) => anchor.clock + time.seconds(tick) - anchor.second;
    this.visit(this.until, to, (note, program) => {
      const when = Math.max(context.currentTime, at(note.start));
      const seconds = Math.max(0.03, at(note.start + note.duration) - at(note.start));
      const { pitch, velocity } = note;
      if (this.output) this.output.play({ program, pitch, velocity }, when - context.currentTime, seconds);
      else tones.play({ program, pitch, velocity }, when, seconds, own);
    });
    if (this.studio.metronome) this.metronome.schedule(context, own, this.until, to, at);
    this.until = to;
  }

  /**
   * Tell the place at each frame; stop at the end.
   *
   * @param {number} starts
   */
  follow(starts) {
    if (starts !== this.starts) return;
    const { studio } = this;
    const rest = studio.piece.ticksPerBeat / 2;
    if (!studio.loop && !studio.making && !this.keepsOn && this.tick > studio.end + rest) {
      const { end } = studio;
      this.halt();
      studio.go(end);
      return;
    }
    this.dispatchEvent(new Event("time"));
    requestAnimationFrame(() => this.follow(starts));
  }

  /**
   * Sound a note at once, as when it is pressed.
   *
   * @param {{ pitch: number, velocity: number, track: number }} note
   * @param {number} [seconds]
   */
  async sound({ pitch, velocity, track }, seconds = 0.35) {
    const program = this.studio.piece.track(track)?.program ?? 0;
    if (this.output) {
      this.output.play({ program, pitch, velocity }, 0, seconds);
      return;
    }
    const { context, tones, out } = this.audio();
    await Promise.all([context.resume(), tones.prepare(program, pitch)]);
    tones.play({ program, pitch, velocity }, context.currentTime, program === DRUMS ? 1 : seconds, out);
  }
}
