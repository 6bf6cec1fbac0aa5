/**
 * Recorded instruments in an audio context: plays a voice, a note on its way through an instrument,
 * as howlkit's own renderer plays it (howlkit/music/sound/voices.py, waves.py).
 */

import { darkened, OVER, oversampled, samplesOf } from "./recordings.js";

/** @import { StoredRecording } from "./recordings.js" */

/**
 * What several voices share: a recording at a pitch and a strength.
 *
 * @typedef {object} Tone
 * @property {number} recording its number
 * @property {number} pitch the MIDI note to sound, with a fraction
 * @property {number} layer the strength, 0 to 3
 * @property {number} release seconds in which a note falls to 1/e after its end
 */

/**
 * A note to be played; times are seconds of the piece.
 *
 * @typedef {object} Voice
 * @property {number} start
 * @property {number} stop where it is released
 * @property {number} end the moment after which it is silent
 * @property {Tone} tone
 * @property {number} left level of the left side
 * @property {number} right
 */

const ATTACK = 0.001; // seconds, so that a beginning is no click
const RESUMED = 0.005; // the same, in the middle of a note
const BUFFER_RATE = 48000; // what buffers say of themselves: every browser allows it

export class Instruments {
  /**
   * @param {BaseAudioContext} context
   * @param {StoredRecording[]} recordings
   */
  constructor(context, recordings) {
    this.context = context;
    this.recordings = recordings;
    /** @type {Map<number, Promise<Float32Array<ArrayBuffer>>>} */
    this.samples = new Map();
    /** @type {Map<string, AudioBuffer>} */
    this.buffers = new Map();
  }

  /**
   * Make what tones need, so that `play` can begin at once.
   *
   * @param {Iterable<Tone>} tones
   */
  async prepare(tones) {
    for (const tone of tones) await this.prepareTone(tone);
  }

  /** @param {Tone} tone */
  async prepareTone(tone) {
    const key = bufferKey(tone);
    if (this.buffers.has(key)) return;
    const stored = this.recordings[tone.recording];
    let samples = this.samples.get(tone.recording);
    if (!samples) this.samples.set(tone.recording, (samples = samplesOf(stored)));
    const whole = oversampled(darkened(await samples, stored, tone.layer), stored.loop);
    const buffer = new AudioBuffer({ length: whole.length, sampleRate: BUFFER_RATE });
    buffer.copyToChannel(whole, 0);
    this.buffers.set(key, buffer);
  }

  /**
   * Play a voice whose tone is prepared.
   *
   * @param {Voice} voice
   * @param {number} when seconds of the context's clock
   * @param {number} into seconds of the voice that are over by then
   * @param {AudioNode} out
   * @returns {AudioBufferSourceNode | null} null if nothing of it is left
   */
  play(voice, when, into, out) {
    const { tone } = voice;
    const stored = this.recordings[tone.recording];
    const buffer = /** @type {AudioBuffer} */ (this.buffers.get(bufferKey(tone)));
    const ratio = 2 ** ((tone.pitch - stored.pitch) / 12);
    const from = wrapped(into * ratio * stored.rate, buffer.length / OVER, stored.loop);
    if (from === null) return null;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.playbackRate.value = (ratio * stored.rate * OVER) / BUFFER_RATE;
    source.loop = stored.loop * OVER < buffer.length;
    source.loopStart = (stored.loop * OVER) / BUFFER_RATE;
    source.loopEnd = buffer.duration;
    const level = this.context.createGain();
    const decay = stored.decay === null ? Infinity : stored.decay / ratio;
    shape(level.gain, voice, when, into, decay);
    const place = new StereoPannerNode(this.context, {
      pan: (4 / Math.PI) * Math.atan2(voice.right, voice.left) - 1,
    });
    source.connect(level).connect(place).connect(out);
    source.start(when, (from * OVER) / BUFFER_RATE);
    source.stop(when + voice.end - voice.start - into);
    source.onended = () => place.disconnect();
    return source;
  }
}

/**
 * Write a voice's loudness over time: a short rise, its decay, and its release.
 *
 * @param {AudioParam} gain
 * @param {Voice} voice
 * @param {number} when
 * @param {number} into
 * @param {number} decay seconds to 1/e; Infinity for what holds
 */
function shape(gain, voice, when, into, decay) {
  const held = voice.stop - voice.start;
  const pace = 1 / decay;
  const releasing = pace + 1 / voice.tone.release;
  const level = Math.hypot(voice.left, voice.right);
  const now = level * Math.exp(-Math.min(into, held) * pace - Math.max(into - held, 0) * releasing);
  const rise = into > 0 ? RESUMED : ATTACK;
  gain.setValueAtTime(0, when);
  gain.linearRampToValueAtTime(now, when + rise);
  if (pace > 0 && into < held) gain.setTargetAtTime(0, when + rise, decay);
  gain.setTargetAtTime(0, when + Math.max(held - into, rise), 1 / releasing);
}

/**
 * The place in a recording, in its samples; null after its end.
 *
 * @param {number} at
 * @param {number} count
 * @param {number} loop
 * @returns {number | null}
 */
function wrapped(at, count, loop) {
  if (at < count) return at;
  return loop < count ? loop + ((at - count) % (count - loop)) : null;
}

/** @param {Tone} tone */
function bufferKey(tone) {
  return `${tone.recording}/${tone.layer}`;
}
