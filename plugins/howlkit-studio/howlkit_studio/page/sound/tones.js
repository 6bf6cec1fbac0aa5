/**
 * Notes of howlkit's own bank, as the server hands them out, and how one of them is played.
 *
 * Every third pitch is fetched, and those between are played a little faster or slower; drums are
 * fetched each.
 */

import { DRUMS } from "../music/names.js";

const APART = 3; // pitches
const RECORDED = 100; // the velocity of the recordings
const HELD = 2.8; // seconds of a recording before it is released
const AGAIN = 1.2; // where a held note goes on when its recording is over
const CROSSED = 0.25; // seconds in which one becomes the other
const RELEASE = 0.07; // seconds in which a note falls to 1/e after its end

export class Tones {
  /** @param {AudioContext} context */
  constructor(context) {
    this.context = context;
    /** @type {Map<string, AudioBuffer | null>} null while it is fetched */
    this.buffers = new Map();
    /** @type {Map<string, Promise<void>>} */
    this.fetching = new Map();
  }

  /**
   * Fetch what a note needs.
   *
   * @param {number} program
   * @param {number} pitch
   */
  prepare(program, pitch) {
    const recorded = recordedPitch(program, pitch);
    const key = `${program}/${recorded}`;
    let fetching = this.fetching.get(key);
    if (!fetching) this.fetching.set(key, (fetching = this.fetch(key)));
    return fetching;
  }

  /** @param {string} key */
  async fetch(key) {
    const answer = await fetch(`/tone/${key}`);
    if (!answer.ok) return;
    this.buffers.set(key, await this.context.decodeAudioData(await answer.arrayBuffer()));
  }

  /**
   * Play a note, if what it needs is there; what is not is fetched for the next time.
   *
   * @param {{ program: number, pitch: number, velocity: number }} note
   * @param {number} when seconds of the context's clock
   * @param {number} seconds how long it is held
   * @param {AudioNode} out
   */
  play({ program, pitch, velocity }, when, seconds, out) {
    const recorded = recordedPitch(program, pitch);
    const buffer = this.buffers.get(`${program}/${recorded}`);
    if (!buffer) {
      void this.prepare(program, pitch);
      return;
    }
    const rate = 2 ** ((pitch - recorded) / 12);
    const level = (velocity / RECORDED) ** 2;
    const held = program === DRUMS ? buffer.duration : seconds;
    let from = 0;
    for (let at = 0; at < held; ) {
      const whole = holds(program) && buffer.duration > HELD ? (HELD - from) / rate : Infinity;
      const last = at + whole >= held;
      this.stretch(buffer, rate, { when: when + at, from, level, held: last ? held - at : whole, last }, out);
      if (last) break;
      at += whole - CROSSED;
      from = AGAIN;
    }
  }

  /**
   * Play a stretch of a recording.
   *
   * @param {AudioBuffer} buffer
   * @param {number} rate
   * @param {{ when: number, from: number, level: number, held: number, last: boolean }} how
   * @param {AudioNode} out
   */
  stretch(buffer, rate, { when, from, level, held, last }, out) {
    const source = new AudioBufferSourceNode(this.context, { buffer, playbackRate: rate });
    const gain = new GainNode(this.context, { gain: from ? 0 : level });
    if (from) gain.gain.setValueAtTime(0, when).linearRampToValueAtTime(level, when + CROSSED);
    if (last) gain.gain.setTargetAtTime(0, when + held, RELEASE);
    else {
      gain.gain.setValueAtTime(level, when + held - CROSSED).linearRampToValueAtTime(0, when + held);
    }
    source.connect(gain).connect(out);
    source.start(when, from);
    source.stop(when + held + 8 * RELEASE);
    source.onended = () => gain.disconnect();
  }
}

/**
 * @param {number} program
 * @param {number} pitch
 */
function recordedPitch(program, pitch) {
  if (program === DRUMS) return pitch;
  return Math.min(126, Math.round(pitch / APART) * APART);
}

/**
 * Whether an instrument holds its notes, as an organ does, and does not let them die away.
 *
 * @param {number} program
 */
function holds(program) {
  const bowed = program >= 40 && program <= 44;
  return (program >= 16 && program <= 23) || bowed || (program >= 48 && program <= 54) || (program >= 56 && program <= 95);
}

/**
 * Nodes that make loud moments softer, before a destination, as the pages of howlkit do.
 *
 * @param {BaseAudioContext} context
 */
export function limited(context) {
  const compressor = new DynamicsCompressorNode(context, { threshold: -2, ratio: 20, knee: 0, attack: 0.002, release: 0.15 });
  // The node makes everything louder by 0.6 of what it takes from full scale (Web Audio, 1.19).
  const level = new GainNode(context, { gain: 10 ** (-(0.6 * 1.9) / 20) });
  compressor.connect(level).connect(context.destination);
  return compressor;
}
