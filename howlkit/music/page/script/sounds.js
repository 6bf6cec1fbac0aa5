/**
 * Sounds that a player can start anywhere: notes played by recorded instruments, or a sound file.
 */

import { fromBase64 } from "./bytes.js";
import { Instruments } from "./instruments.js";

/** @import { StoredRecording } from "./recordings.js" */
/** @import { Tone, Voice } from "./instruments.js" */

/**
 * The voices of a piece as a page holds them: a list for each attribute of `Voice`; `tone` counts
 * in `tones`, each [recording, pitch, layer, release]. Times are ten-thousandths of a second.
 *
 * @typedef {object} StoredVoices
 * @property {number[]} start
 * @property {number[]} stop
 * @property {number[]} end
 * @property {number[]} tone
 * @property {number[]} left
 * @property {number[]} right
 * @property {[number, number, number, number][]} tones
 */

/**
 * What a Player needs of a sound.
 *
 * @typedef {object} Sound
 * @property {number} seconds
 * @property {(from: number) => Promise<void>} start
 * @property {() => void} stop
 * @property {() => number} position seconds; below `from` until the first sample sounds
 */

const TICKS = 10000; // a second
const AHEAD = 2; // seconds that are scheduled in advance: timers of a hidden page are late
const EVERY = 400; // milliseconds between two looks
const LEAD = 0.06; // seconds from a click to the first sound

/** Seconds of a context's life before which its limiter makes everything softer, in Chromium. */
export const WARM = 0.25;

/** The audio context of a page, with its instruments; begun by a click, as browsers ask. */
export class Studio {
  /** @param {StoredRecording[]} recordings */
  constructor(recordings) {
    this.context = new AudioContext();
    this.instruments = new Instruments(this.context, recordings);
    this.out = limiter(this.context, this.context.destination);
  }
}

/**
 * Put nodes before `destination` that make loud moments softer, and leave all others as they are.
 *
 * @param {BaseAudioContext} context
 * @param {AudioNode} destination
 * @returns {AudioNode} the first of them
 */
export function limiter(context, destination) {
  const threshold = -2;
  const ratio = 20;
  const compressor = new DynamicsCompressorNode(context, {
    threshold,
    ratio,
    knee: 0,
    attack: 0.002,
    release: 0.15,
  });
  // The node makes everything louder by 0.6 of what it takes from full scale (Web Audio, 1.19).
  const louder = 0.6 * -(threshold - threshold / ratio);
  const level = new GainNode(context, { gain: 10 ** (-louder / 20) });
  compressor.connect(level).connect(destination);
  return compressor;
}

/**
 * The voices of a piece, by rising start.
 *
 * @param {StoredVoices} stored
 * @returns {Voice[]}
 */
export function voicesOf(stored) {
  const tones = stored.tones.map(([recording, pitch, layer, release]) => ({
    recording,
    pitch,
    layer,
    release,
  }));
  return stored.start.map((start, at) => ({
    start: start / TICKS,
    stop: stored.stop[at] / TICKS,
    end: stored.end[at] / TICKS,
    tone: tones[stored.tone[at]],
    left: stored.left[at],
    right: stored.right[at],
  }));
}

/** A piece played by recorded instruments: voices are handed to the browser a little ahead. */
export class InstrumentSound {
  /**
   * @param {() => Studio} studio
   * @param {StoredVoices} stored
   * @param {number} seconds
   */
  constructor(studio, stored, seconds) {
    this.studio = studio;
    this.voices = voicesOf(stored);
    this.seconds = seconds;
    this.next = 0; // the first voice that is not scheduled yet
    this.origin = 0; // the context's time at second 0 of the piece
    /** @type {GainNode | null} */
    this.out = null;
  }

  /**
   * Play from a place on.
   *
   * @param {number} from seconds
   */
  async start(from) {
    const { context, out } = this.studio();
    this.stop();
    const own = (this.out = new GainNode(context));
    own.connect(out);
    await Promise.all([context.resume(), this.prepare(0, from + AHEAD, from)]);
    if (this.out !== own) return;
    this.next = 0;
    this.origin = Math.max(context.currentTime + LEAD, WARM) - from;
    this.hurry(own, from);
  }

  /**
   * Hand voices to the browser, always some seconds ahead, until it is stopped.
   *
   * @param {GainNode} own
   * @param {number} from where it began: what ended before stays silent
   */
  async hurry(own, from) {
    while (this.out === own && this.next < this.voices.length) {
      const until = own.context.currentTime - this.origin + AHEAD;
      await this.prepare(this.next, until, from);
      if (this.out === own) this.schedule(own, until, from);
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  }

  /**
   * Make ready what the voices need that begin before a moment.
   *
   * @param {number} first of the voices
   * @param {number} until seconds
   * @param {number} from
   */
  prepare(first, until, from) {
    const due = [];
    for (let at = first; at < this.voices.length && this.voices[at].start < until; at += 1) {
      if (this.voices[at].end > from) due.push(this.voices[at].tone);
    }
    return this.studio().instruments.prepare(new Set(due));
  }

  /**
   * @param {GainNode} own
   * @param {number} until
   * @param {number} from
   */
  schedule(own, until, from) {
    const { instruments } = this.studio();
    for (; this.next < this.voices.length && this.voices[this.next].start < until; this.next += 1) {
      const voice = this.voices[this.next];
      if (voice.end <= from) continue;
      const begin = Math.max(voice.start, from);
      instruments.play(voice, this.origin + begin, begin - voice.start, own);
    }
  }

  stop() {
    const { out } = this;
    if (!out) return;
    out.gain.setTargetAtTime(0, out.context.currentTime, 0.005);
    setTimeout(() => out.disconnect(), 60);
    this.out = null;
  }

  position() {
    const { context } = this.studio();
    return context.currentTime - (context.outputLatency || 0) - this.origin;
  }
}

/** A sound file that the page holds. */
export class FileSound {
  /**
   * @param {string} data of the file, as base64
   * @param {string} type such as audio/wav
   * @param {number} seconds
   */
  constructor(data, type, seconds) {
    this.seconds = seconds;
    this.audio = new Audio(URL.createObjectURL(new Blob([fromBase64(data)], { type })));
  }

  /** @param {number} from seconds */
  async start(from) {
    this.audio.currentTime = from;
    await this.audio.play().catch(() => {}); // it was stopped before it began
  }

  stop() {
    this.audio.pause();
  }

  position() {
    return this.audio.currentTime;
  }
}
