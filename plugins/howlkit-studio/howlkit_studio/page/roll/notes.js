/**
 * The notes of the piano-roll, those that are seen. So that a redraw with 10,000 of them takes some
 * milliseconds, colours are set once for all notes that share one, small notes have no round corners,
 * and very many are written as pixels.
 */

import { Pixels, wordOf } from "./pixels.js";
import { KEYS, RULER, VELOCITIES } from "./view.js";

/** @import { Colours } from "./colours.js" */
/** @import { Layer } from "./layer.js" */
/** @import { View } from "./view.js" */
/** @import { MadeNote, Note } from "../protocol.js" */
/** @import { Studio } from "../studio.js" */

const STRENGTHS = 4; // how many shades velocities have
const FAINTEST = 0.45;
const SMALL = 7; // pixels: what is smaller is a plain rectangle
const SILENT = 0.25; // of a track that is not heard
const HIGHEST_BAR = VELOCITIES - 10; // pixels
const MANY = 1500; // notes: more than these are written as pixels

/**
 * Draw the notes of the piece.
 *
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Colours} colours
 */
export function drawNotes(layer, studio, view, colours) {
  layer.clear();
  const hidden = hiddenIds(studio);
  const colourOf = colours.chooser(studio);
  const heard = new Map(studio.piece.tracks.map(({ id }) => [id, studio.audible(id)]));
  /** @type {Batches} */
  const batches = new Map();
  /** @type {Note[]} */
  const marked = [];
  let many = 0;
  studio.piece.index.visit(view.tick, view.until, (note) => {
    if (hidden.has(note.id)) return;
    const colour = colourOf(note);
    let batch = batches.get(colour);
    if (!batch) batches.set(colour, (batch = Array.from({ length: STRENGTHS + 1 }, () => [])));
    batch[heard.get(note.track) ? 1 + ((note.velocity * STRENGTHS) >> 7) : 0].push(note);
    if (note.locked || studio.selection.has(note.id)) marked.push(note);
    many += 1;
  });
  if (many > MANY) drawPixels(layer, view, batches);
  else drawShapes(layer, studio, view, batches);
  clipped(layer, RULER, layer.height - VELOCITIES, () => {
    for (const note of marked) drawMark(layer.pen, studio, view, colours, note);
  });
}

/** Notes by colour, then by strength; strength 0 is silent. @typedef {Map<string, Note[][]>} Batches */

/** @param {number} strength */
function alphaOf(strength) {
  return strength ? FAINTEST + ((1 - FAINTEST) * strength) / STRENGTHS : SILENT;
}

/**
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Batches} batches
 */
function drawShapes(layer, studio, view, batches) {
  const { pen } = layer;
  clipped(layer, RULER, layer.height - VELOCITIES, () => {
    for (const [colour, strengths] of batches) {
      pen.fillStyle = colour;
      strengths.forEach((notes, strength) => {
        pen.globalAlpha = alphaOf(strength);
        for (const note of notes) drawNote(pen, view, note);
      });
    }
  });
  drawVelocities(layer, studio, view, batches);
}

/**
 * @param {Layer} layer
 * @param {View} view
 * @param {Batches} batches
 */
function drawPixels(layer, view, batches) {
  const pixels = new Pixels(layer);
  const floor = layer.height - VELOCITIES;
  const rows = { left: KEYS, top: RULER, floor };
  const below = { left: KEYS, top: floor, floor: layer.height };
  const high = Math.max(view.row - 1, 1.5);
  for (const [colour, strengths] of batches) {
    const bar = wordOf(colour, 0.9);
    strengths.forEach((notes, strength) => {
      const word = wordOf(colour, alphaOf(strength));
      for (const { start, duration, pitch, velocity } of notes) {
        const x = view.x(start);
        pixels.fill(x, view.y(pitch) + 0.5, Math.max(duration * view.scale - 1, 1.5), high, word, rows);
        const top = layer.height - (velocity / 127) * HIGHEST_BAR;
        pixels.fill(x, top, 1.5, 2.5, bar, below); // the head of its bar alone: the bars would be one area
      }
    });
  }
  pixels.show();
}

/** @param {Studio} studio */
function hiddenIds(studio) {
  const { takes } = studio;
  const hidden = studio.preview?.hidden ?? new Set();
  return takes && takes.chosen >= 0 ? new Set([...hidden, ...takes.replaced]) : hidden;
}

/**
 * @param {Layer} layer
 * @param {number} top
 * @param {number} floor
 * @param {() => void} draw
 */
export function clipped({ pen, width }, top, floor, draw) {
  pen.save();
  pen.beginPath();
  pen.rect(KEYS, top, width, floor - top);
  pen.clip();
  draw();
  pen.restore();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {View} view
 * @param {{ start: number, duration: number, pitch: number }} note
 */
export function drawNote(pen, view, { start, duration, pitch }) {
  const x = view.x(start);
  const wide = Math.max(duration * view.scale - 1, 1.5);
  const y = view.y(pitch) + 0.5;
  const high = Math.max(view.row - 1, 1.5);
  if (wide < SMALL || high < SMALL) {
    pen.fillRect(x, y, wide, high);
    return;
  }
  pen.beginPath();
  pen.roundRect(x, y, wide, high, 2.5);
  pen.fill();
}

/**
 * Mark a note that is selected, or locked.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {Studio} studio
 * @param {View} view
 * @param {Colours} colours
 * @param {Note} note
 */
function drawMark(pen, studio, view, colours, note) {
  const x = view.x(note.start);
  const wide = Math.max(note.duration * view.scale - 1, 3);
  const y = view.y(note.pitch) + 0.5;
  const high = Math.max(view.row - 1, 3);
  if (studio.selection.has(note.id)) {
    pen.strokeStyle = colours.of.select;
    pen.lineWidth = 2;
    pen.strokeRect(x, y, wide, high);
  }
  if (!note.locked) return;
  const side = Math.min(high - 4, 7);
  if (side < 3 || wide < side + 5) {
    pen.fillStyle = colours.of.ink;
    pen.fillRect(x, y, 2, high);
    return;
  }
  const top = y + (high - side) / 2 + 1.5;
  pen.fillStyle = pen.strokeStyle = colours.of.ground;
  pen.fillRect(x + 4, top, side, side - 2);
  pen.lineWidth = 1.2;
  pen.beginPath();
  pen.arc(x + 4 + side / 2, top, side / 2 - 1, Math.PI, 0);
  pen.stroke();
}

/**
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Batches} batches
 */
function drawVelocities(layer, studio, view, batches) {
  const { pen, height } = layer;
  const some = studio.selection.size > 0;
  clipped(layer, height - VELOCITIES, height, () => {
    for (const [colour, strengths] of batches) {
      pen.fillStyle = colour;
      for (const { id, start, velocity } of strengths.flat()) {
        pen.globalAlpha = some && !studio.selection.has(id) ? 0.3 : 0.9;
        const high = (velocity / 127) * HIGHEST_BAR;
        pen.fillRect(view.x(start), height - high, 3, high);
      }
    }
  });
}

/**
 * Draw notes that stand in for others, or that a model is making.
 *
 * @param {Layer} layer
 * @param {View} view
 * @param {(MadeNote | Note)[]} notes
 * @param {(note: any) => string} colourOf
 * @param {string} edge
 */
export function drawGuests(layer, view, notes, colourOf, edge) {
  const { pen, height } = layer;
  clipped(layer, RULER, height - VELOCITIES, () => {
    pen.strokeStyle = edge;
    pen.lineWidth = 1;
    for (const note of notes) {
      if (note.start > view.until || note.start + note.duration < view.tick) continue;
      pen.fillStyle = colourOf(note);
      drawNote(pen, view, note);
      const wide = Math.max(note.duration * view.scale - 2, 1);
      pen.strokeRect(view.x(note.start) + 0.5, view.y(note.pitch) + 1, wide, Math.max(view.row - 2, 1));
    }
  });
}
