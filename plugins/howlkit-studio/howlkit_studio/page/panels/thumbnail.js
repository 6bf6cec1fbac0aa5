/**
 * A small picture of some notes.
 */

import { make } from "../dom.js";

const WIDE = 220;
const HIGH = 46;

/**
 * @param {{ start: number, duration: number, pitch: number }[]} notes
 * @param {{ begin: number, stop: number, low: number, high: number }} frame ticks and pitches at its edges
 * @param {string} colour
 */
export function thumbnail(notes, { begin, stop, low, high }, colour) {
  const dots = window.devicePixelRatio || 1;
  const canvas = make("canvas", { width: WIDE * dots, height: HIGH * dots, class: "thumbnail", "aria-hidden": "true" });
  const pen = canvas.getContext("2d");
  if (!pen) return canvas;
  pen.scale(dots, dots);
  pen.fillStyle = colour;
  const row = (HIGH - 6) / Math.max(12, high - low + 1);
  const middle = (low + high) / 2;
  for (const { start, duration, pitch } of notes) {
    const x = ((start - begin) / (stop - begin)) * WIDE;
    const wide = Math.max(1.5, (duration / (stop - begin)) * WIDE - 1);
    pen.fillRect(x, HIGH / 2 - (pitch - middle + 0.5) * row, wide, Math.max(2, row - 0.5));
  }
  return canvas;
}
