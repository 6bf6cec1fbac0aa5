/**
 * The recorded instruments of a page: from stored codes to samples that a browser can play at any
 * pitch. What is stored is what howlkit's own renderer reads (howlkit/music/sound: bank, coding,
 * waves), and each step here does what is done there.
 */

import { fromBase64, inflated } from "./bytes.js";

/**
 * A recording as the page holds it.
 *
 * @typedef {object} StoredRecording
 * @property {number} rate samples a second
 * @property {number} pitch the MIDI note that it sounds, with a fraction
 * @property {number} loop where its loop begins; its length if it has none
 * @property {number | null} decay seconds in which it falls to 1/e; null if it holds
 * @property {number} order of the differences that are stored
 * @property {string} codes a byte a sample, compressed, as base64
 * @property {string} steps a 16-bit number for each BLOCK samples, as base64
 */

const BLOCK = 64;
const FULL_SCALE = 32768;
const LAYERS = 4; // strengths of a note; the highest is as recorded
const REACH = 12; // samples on each side that one between them is made of

/** How many samples `oversampled` makes of one: browsers draw straight lines between samples. */
export const OVER = 4;

/**
 * The samples of a recording, full scale 1.
 *
 * @param {StoredRecording} stored
 * @returns {Promise<Float32Array<ArrayBuffer>>}
 */
export async function samplesOf(stored) {
  const codes = new Int8Array(await inflated(fromBase64(stored.codes)));
  const steps = new Uint16Array(fromBase64(stored.steps).buffer);
  const samples = new Float64Array(codes.length);
  for (let at = 0; at < codes.length; at += 1) {
    samples[at] = codes[at] * steps[Math.floor(at / BLOCK)];
  }
  for (let order = 0; order < stored.order; order += 1) {
    let sum = 0;
    for (let at = 0; at < samples.length; at += 1) {
      sum += samples[at];
      samples[at] = sum;
    }
  }
  return Float32Array.from(samples, (sample) => sample / FULL_SCALE);
}

/**
 * A recording as a softer note sounds: what lies above the first partials is weaker.
 *
 * @param {Float32Array<ArrayBuffer>} samples
 * @param {StoredRecording} stored
 * @param {number} layer 0, the darkest, to LAYERS - 1, which changes nothing
 * @returns {Float32Array<ArrayBuffer>}
 */
export function darkened(samples, stored, layer) {
  const strength = layer / (LAYERS - 1);
  if (strength >= 1) return samples;
  const corner = 2.5 * 440 * 2 ** ((stored.pitch - 69) / 12) + 300;
  const pace = 1 - Math.exp((-2 * Math.PI * corner) / stored.rate);
  const made = new Float32Array(samples.length);
  let low = 0;
  const pass = (/** @type {number} */ from) => {
    for (let at = from; at < samples.length; at += 1) {
      low += pace * (samples[at] - low);
      made[at] = strength * samples[at] + (1 - strength) * low;
    }
  };
  pass(0);
  if (stored.loop < samples.length) pass(stored.loop); // so that the loop follows on itself
  return made;
}

/**
 * A recording with OVER times as many samples, made by a windowed sinc.
 *
 * @param {Float32Array<ArrayBuffer>} samples
 * @param {number} loop where its loop begins
 * @returns {Float32Array<ArrayBuffer>}
 */
export function oversampled(samples, loop) {
  const padded = withNeighbours(samples, loop);
  const made = new Float32Array(samples.length * OVER);
  for (let at = 0; at < samples.length; at += 1) made[at * OVER] = samples[at];
  for (let phase = 1; phase < OVER; phase += 1) {
    const weights = sincWeights(phase / OVER);
    for (let at = 0; at < samples.length; at += 1) {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap += 1) sum += weights[tap] * padded[at + tap + 1];
      made[at * OVER + phase] = sum;
    }
  }
  return made;
}

/**
 * Samples with REACH more before them, which are silent, and after them, where the loop goes on.
 *
 * @param {Float32Array<ArrayBuffer>} samples
 * @param {number} loop
 * @returns {Float32Array<ArrayBuffer>}
 */
function withNeighbours(samples, loop) {
  const count = samples.length;
  const padded = new Float32Array(count + 2 * REACH + 1);
  padded.set(samples, REACH);
  for (let after = 0; loop < count && after <= REACH; after += 1) {
    padded[REACH + count + after] = samples[loop + (after % (count - loop))];
  }
  return padded;
}

/**
 * The weights of the 2 * REACH samples around a point between two of them.
 *
 * @param {number} fraction of the way from one sample to the next
 * @returns {Float64Array}
 */
function sincWeights(fraction) {
  const weights = new Float64Array(2 * REACH);
  for (let tap = 0; tap < weights.length; tap += 1) {
    const away = tap - (REACH - 1) - fraction;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * away) / (REACH + 1));
    weights[tap] = (Math.sin(Math.PI * away) / (Math.PI * away)) * window;
  }
  return weights;
}
