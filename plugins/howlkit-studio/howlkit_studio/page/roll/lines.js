/**
 * The lines of a grid in time: bars and beats, or seconds, as many as there is room for.
 */

/** @import { TimeMap } from "../music/time_map.js" */
/** @import { View } from "./view.js" */

const BARS_APART = 46; // pixels between two numbers of bars, at least
const LINES_APART = 9;
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

/**
 * @typedef {object} Line
 * @property {number} tick
 * @property {boolean} strong
 * @property {string} name "" if none stands above it
 */

/**
 * The lines that are seen.
 *
 * @param {TimeMap} time
 * @param {View} view
 * @param {"bars" | "seconds"} unit
 * @param {number} grid ticks; 0: none
 * @returns {Line[]}
 */
export function linesOf(time, view, unit, grid) {
  return unit === "bars" ? bars(time, view, grid) : seconds(time, view);
}

/**
 * @param {TimeMap} time
 * @param {View} view
 * @param {number} grid
 */
function bars(time, view, grid) {
  /** @type {Line[]} */
  const lines = [];
  const { until } = view;
  let bar = time.bar(view.tick);
  for (let tick = time.beginOf(bar); tick < until; ) {
    const metre = time.metre(tick);
    const wide = metre.bars * view.scale;
    // Where bars are narrow, every second, fourth, eighth ... of them is drawn and named.
    const each = 2 ** Math.max(0, Math.ceil(Math.log2(BARS_APART / wide)));
    if (bar % each === 0) lines.push({ tick, strong: true, name: String(bar + 1) });
    const weak = grid && grid < metre.bars && grid * view.scale > LINES_APART ? grid : metre.beats;
    if (weak * view.scale > LINES_APART) {
      for (let at = weak; at < metre.bars; at += weak) {
        lines.push({ tick: tick + at, strong: false, name: "" });
      }
    }
    bar += each > 1 ? each - (bar % each) : 1;
    tick = time.beginOf(bar);
  }
  return lines;
}

/**
 * @param {TimeMap} time
 * @param {View} view
 */
function seconds(time, view) {
  const from = time.seconds(view.tick);
  const until = time.seconds(view.until);
  const perSecond = (view.width / Math.max(until - from, 1e-6)) * 1;
  const apart = SECONDS.find((each) => each * perSecond > BARS_APART) ?? SECONDS[SECONDS.length - 1];
  /** @type {Line[]} */
  const lines = [];
  for (let at = Math.floor(from / apart); at * apart < until; at += 1) {
    lines.push({ tick: time.tick(at * apart), strong: true, name: clock(at * apart) });
  }
  return lines;
}

/**
 * Seconds as people read them: "1:05", "0:02.5".
 *
 * @param {number} second
 */
export function clock(second) {
  const tenths = Math.round(second * 10);
  const rest = tenths % 10 ? `.${tenths % 10}` : "";
  const whole = Math.floor(tenths / 10);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}${rest}`;
}
