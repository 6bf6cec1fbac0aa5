/**
 * The ground of the piano-roll: rows, grid, ruler and the keys of a piano.
 */

import { DRUMS, isBlack, keyName, pitchName } from "../music/names.js";
import { linesOf } from "./lines.js";
import { KEYS, RULER, VELOCITIES } from "./view.js";

/** @import { Colours } from "./colours.js" */
/** @import { Layer } from "./layer.js" */
/** @import { View } from "./view.js" */
/** @import { Studio } from "../studio.js" */

/**
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Colours} colours
 */
export function drawGround(layer, studio, view, colours) {
  const { pen } = layer;
  const drums = studio.piece.track(studio.track)?.program === DRUMS;
  pen.fillStyle = colours.of.ground;
  pen.fillRect(0, 0, layer.width, layer.height);
  drawRows(layer, view, colours, drums);
  drawLines(layer, studio, view, colours);
  drawKeys(layer, view, colours, drums);
  const floor = layer.height - VELOCITIES;
  pen.fillStyle = colours.of.line;
  pen.fillRect(0, floor, layer.width, 1);
  pen.fillRect(0, RULER - 1, layer.width, 1);
  pen.fillRect(KEYS - 1, 0, 1, layer.height);
  pen.fillStyle = colours.of.pale;
  pen.font = `10px ${colours.font}`;
  pen.textAlign = "right";
  pen.fillText("velocity", KEYS - 6, floor + 16);
  pen.textAlign = "left";
}

/**
 * @param {Layer} layer
 * @param {View} view
 * @param {Colours} colours
 * @param {boolean} drums
 */
function drawRows({ pen, width, height }, view, colours, drums) {
  pen.save();
  pen.beginPath();
  pen.rect(KEYS, RULER, width, height - RULER - VELOCITIES);
  pen.clip();
  const last = view.pitchAt(height - VELOCITIES);
  for (let pitch = view.pitchAt(RULER); pitch >= last; pitch -= 1) {
    const shaded = drums ? pitch % 2 : isBlack(pitch);
    const y = view.y(pitch);
    pen.fillStyle = shaded ? colours.of["row-dark"] : colours.of["row-light"];
    pen.fillRect(KEYS, y, width, view.row + 1);
    if (pitch % 12 === 0 && !drums) {
      pen.fillStyle = colours.of.octave;
      pen.fillRect(KEYS, y + view.row - 0.5, width, 1);
    }
  }
  pen.restore();
}

/**
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Colours} colours
 * @param {number} [ruler] pixels at the top for names; 0: no names
 */
export function drawLines({ pen, width, height }, studio, view, colours, ruler = RULER) {
  pen.save();
  pen.beginPath();
  pen.rect(KEYS, 0, width, height);
  pen.clip();
  pen.font = `11px ${colours.font}`;
  for (const { tick, strong, name } of linesOf(studio.piece.time, view, studio.unit, studio.grid)) {
    const x = Math.round(view.x(tick));
    pen.fillStyle = strong ? colours.of.bar : colours.of.beat;
    pen.fillRect(x, strong && ruler ? 6 : ruler, 1, height);
    if (!name || !ruler) continue;
    pen.fillStyle = colours.of.pale;
    pen.fillText(name, x + 5, 16);
  }
  pen.restore();
}

/**
 * @param {Layer} layer
 * @param {View} view
 * @param {Colours} colours
 * @param {boolean} drums
 */
function drawKeys({ pen, height }, view, colours, drums) {
  pen.save();
  pen.beginPath();
  pen.rect(0, RULER, KEYS, height - RULER - VELOCITIES);
  pen.clip();
  pen.textAlign = "right";
  pen.font = `${Math.min(10, Math.max(8, view.row - 2))}px ${colours.font}`;
  const last = view.pitchAt(height - VELOCITIES);
  for (let pitch = view.pitchAt(RULER); pitch >= last; pitch -= 1) {
    const y = view.y(pitch);
    const black = isBlack(pitch) && !drums;
    pen.fillStyle = colours.of["key-white"];
    pen.fillRect(0, y, KEYS - 1, view.row + 1);
    if (black) {
      pen.fillStyle = colours.of["key-black"];
      pen.fillRect(0, y + 0.5, KEYS * 0.58, view.row - 1);
    }
    const between = drums || pitch % 12 === 0 || pitch % 12 === 5;
    pen.fillStyle = colours.of.line;
    if (between) pen.fillRect(0, y + view.row - 0.5, KEYS - 1, 1);
    if (!(drums ? view.row >= 9 : pitch % 12 === 0)) continue;
    pen.fillStyle = colours.of["key-name"];
    const name = drums ? keyName(pitch, DRUMS) : pitchName(pitch);
    pen.fillText(name, KEYS - 5, y + view.row / 2 + 3.5, KEYS - 8);
  }
  pen.restore();
  pen.textAlign = "left";
}
