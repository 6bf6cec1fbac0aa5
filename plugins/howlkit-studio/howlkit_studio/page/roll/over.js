/**
 * What lies over the notes and moves: the region, the cursor, the place that is heard, guests.
 */

import { clipped, drawGuests } from "./notes.js";
import { KEYS, RULER, VELOCITIES } from "./view.js";

/** @import { Colours } from "./colours.js" */
/** @import { Layer } from "./layer.js" */
/** @import { View } from "./view.js" */
/** @import { Studio } from "../studio.js" */

/** A rectangle that is being dragged, in pixels. @typedef {{ x: number, y: number, wide: number, high: number }} Band */

/**
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Colours} colours
 * @param {{ playing: number | null, band: Band | null, focused: boolean }} moving
 */
export function drawOver(layer, studio, view, colours, { playing, band, focused }) {
  const { pen, height } = layer;
  layer.clear();
  drawRegion(layer, studio, view, colours);
  drawGuestNotes(layer, studio, view, colours);
  clipped(layer, 0, height, () => {
    const x = view.x(studio.cursor.tick);
    if (playing === null) {
      pen.fillStyle = colours.of.cursor;
      pen.fillRect(x - 0.5, 4, 1.5, height);
      pen.beginPath();
      pen.moveTo(x - 5, 2);
      pen.lineTo(x + 5.5, 2);
      pen.lineTo(x, 11);
      pen.fill();
    }
    if (focused && playing === null) {
      const wide = Math.max(5, (studio.length || studio.step) * view.scale);
      pen.strokeStyle = colours.of.cursor;
      pen.setLineDash([3, 2]);
      pen.lineWidth = 1;
      const y = view.y(studio.cursor.pitch);
      if (y > RULER - view.row && y < height - VELOCITIES - view.row / 2) {
        pen.strokeRect(x + 0.5, y + 0.5, wide - 1, view.row - 1);
      }
      pen.setLineDash([]);
    }
    if (playing !== null) {
      pen.fillStyle = colours.of.cursor;
      pen.fillRect(view.x(playing) - 1, 0, 2, height);
    }
  });
  if (!band) return;
  pen.strokeStyle = colours.of.accent;
  pen.lineWidth = 1;
  pen.strokeRect(band.x + 0.5, band.y + 0.5, band.wide, band.high);
  pen.globalAlpha = 0.12;
  pen.fillStyle = colours.of.accent;
  pen.fillRect(band.x, band.y, band.wide, band.high);
  pen.globalAlpha = 1;
}

/**
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Colours} colours
 */
function drawRegion(layer, studio, view, colours) {
  const { region } = studio;
  if (!region) return;
  const { pen, height } = layer;
  const x = Math.max(KEYS, view.x(region.begin));
  const wide = view.x(region.stop) - x;
  if (wide <= 0) return;
  clipped(layer, 0, height, () => {
    pen.fillStyle = colours.of.region;
    pen.globalAlpha = 0.13;
    pen.fillRect(x, RULER, wide, height - RULER - VELOCITIES);
    pen.globalAlpha = 1;
    pen.fillRect(x, RULER - 5, wide, 5);
    pen.fillRect(x, RULER, 1, height - RULER - VELOCITIES);
    pen.fillRect(x + wide - 1, RULER, 1, height - RULER - VELOCITIES);
  });
}

/**
 * @param {Layer} layer
 * @param {Studio} studio
 * @param {View} view
 * @param {Colours} colours
 */
function drawGuestNotes(layer, studio, view, colours) {
  const { preview, making, takes } = studio;
  const edge = colours.of.ink;
  if (preview) {
    const choose = colours.chooser(studio);
    drawGuests(layer, view, preview.notes, (note) => ("id" in note ? choose(note) : colours.of["by-person"]), edge);
  }
  if (making) {
    drawGuests(layer, view, making.notes, (note) => colours.made(studio, note, making.passage), edge);
  }
  if (takes && takes.chosen >= 0 && !making) {
    drawGuests(layer, view, takes.takes[takes.chosen].notes, () => colours.of.region, edge);
  }
}
