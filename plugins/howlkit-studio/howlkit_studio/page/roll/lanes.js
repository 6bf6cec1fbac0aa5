/**
 * The lanes above the piano-roll, one for each track: the piece at a glance. A drag over them
 * chooses a region, bars and tracks.
 */

import { clipped } from "./notes.js";
import { drawLines } from "./ground.js";
import { Layer } from "./layer.js";
import { Pixels, wordOf } from "./pixels.js";
import { KEYS } from "./view.js";

/** @import { Colours } from "./colours.js" */
/** @import { View } from "./view.js" */
/** @import { MadeNote, Note } from "../protocol.js" */
/** @import { Studio } from "../studio.js" */
/** @import { Transport } from "../sound/transport.js" */

/** Pixels of a lane; the style of the tracks beside it agrees. */
export const LANE = 34;

export class Lanes {
  /**
   * @param {HTMLElement} element with a canvas
   * @param {Studio} studio
   * @param {View} view
   * @param {Colours} colours
   * @param {Transport} transport
   */
  constructor(element, studio, view, colours, transport) {
    this.element = element;
    this.studio = studio;
    this.view = view;
    this.colours = colours;
    this.transport = transport;
    const layer = (/** @type {string} */ name) =>
      new Layer(/** @type {HTMLCanvasElement} */ (element.querySelector(`canvas.${name}`)));
    this.ground = layer("ground");
    this.notes = layer("notes");
    this.layer = layer("over");
    this.stale = true; // more than what moves
    this.asked = false;
    const all = () => this.redraw(true);
    const over = () => this.redraw(false);
    for (const source of [view, colours]) source.addEventListener("change", all);
    studio.on("piece changed settings mix preview takes making surprise", all);
    studio.on("cursor region", over);
    transport.addEventListener("time", over);
    transport.addEventListener("state", over);
    new ResizeObserver(all).observe(element);
    element.addEventListener("pointerdown", (event) => this.drag(event));
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** @param {boolean} all ground and notes too */
  redraw(all) {
    this.stale ||= all;
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  draw() {
    const { studio, view, layer } = this;
    const high = Math.max(1, studio.piece.tracks.length) * LANE;
    if (layer.width !== this.element.clientWidth || layer.height !== high) {
      for (const each of [this.ground, this.notes, layer]) each.resize(this.element.clientWidth, high);
      this.stale = true;
    }
    if (this.stale) {
      this.drawGround();
      this.drawLaneNotes();
    }
    this.stale = false;
    const { pen } = layer;
    layer.clear();
    this.drawRegion();
    clipped(layer, 0, high, () => {
      const at = this.transport.playing ? this.transport.tick : studio.cursor.tick;
      pen.fillStyle = this.colours.of.cursor;
      pen.fillRect(view.x(at) - 0.75, 0, 1.5, high);
    });
  }

  drawGround() {
    const { studio, view, ground, colours } = this;
    const { pen } = ground;
    pen.fillStyle = colours.of.ground;
    pen.fillRect(0, 0, ground.width, ground.height);
    studio.piece.tracks.forEach(({ id }, at) => {
      pen.fillStyle = id === studio.track ? colours.of["row-light"] : colours.of["row-dark"];
      pen.fillRect(0, at * LANE, ground.width, LANE - 1);
    });
    drawLines(ground, studio, view, colours, 0);
    pen.fillStyle = colours.of.ground;
    pen.fillRect(0, 0, KEYS, ground.height);
  }

  drawLaneNotes() {
    const { studio, view, notes, colours } = this;
    const pixels = new Pixels(notes);
    const edges = { left: KEYS, top: 0, floor: notes.height };
    const lanes = new Map(studio.piece.tracks.map(({ id }, at) => [id, at]));
    /** @type {Map<string, number>} */
    const words = new Map();
    const draw = (/** @type {Note | MadeNote} */ note, /** @type {string} */ colour) => {
      let word = words.get(colour);
      if (word === undefined) words.set(colour, (word = wordOf(colour, 1)));
      const lane = lanes.get(note.track) ?? lanes.size - 1;
      const share = (108 - Math.min(108, Math.max(21, note.pitch))) / 87;
      const y = lane * LANE + 3 + share * (LANE - 8);
      pixels.fill(view.x(note.start), y, Math.max(1.5, note.duration * view.scale - 0.5), 2, word, edges);
    };
    const colourOf = colours.chooser(studio);
    const taken = studio.takes && studio.takes.chosen >= 0 ? studio.takes : null;
    studio.piece.index.visit(view.tick, view.until, (note) => {
      if (!taken?.replaced.has(note.id)) draw(note, colourOf(note));
    });
    const guests = studio.making?.notes ?? taken?.takes[taken.chosen].notes ?? [];
    const colour = studio.making ? colours.author(studio.making.passage) : colours.of.region;
    for (const note of guests) draw(note, colour);
    pixels.show();
  }

  drawRegion() {
    const { studio, view, layer, colours } = this;
    const { region } = studio;
    if (!region) return;
    const { pen } = layer;
    clipped(layer, 0, layer.height, () => {
      const x = view.x(region.begin);
      const wide = view.x(region.stop) - x;
      studio.piece.tracks.forEach(({ id }, at) => {
        if (!region.tracks.has(id)) return;
        pen.fillStyle = colours.of.region;
        pen.globalAlpha = 0.2;
        pen.fillRect(x, at * LANE, wide, LANE - 1);
        pen.globalAlpha = 1;
        pen.strokeStyle = colours.of.region;
        pen.lineWidth = 1.5;
        pen.strokeRect(x + 0.75, at * LANE + 0.75, wide - 1.5, LANE - 2.5);
      });
    });
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (event.button !== 0) return;
    const { studio, view, element } = this;
    element.setPointerCapture(event.pointerId);
    const from = this.at(event);
    const whole = (/** @type {number} */ tick, /** @type {number} */ more) => {
      const { time } = studio.piece;
      return time.beginOf(time.bar(Math.max(0, tick)) + more);
    };
    const move = (/** @type {PointerEvent} */ moved) => {
      const to = this.at(moved);
      if (Math.abs(to.x - from.x) < 4 && to.lane === from.lane) return;
      const [left, right] = [from.x, to.x].sort((one, other) => one - other);
      const [top, floor] = [from.lane, to.lane].sort((one, other) => one - other);
      const tracks = new Set(studio.piece.tracks.slice(top, floor + 1).map((track) => track.id));
      studio.choose({ begin: whole(view.tickAt(left), 0), stop: whole(view.tickAt(right), 1), tracks });
    };
    const end = (/** @type {PointerEvent} */ ended) => {
      element.removeEventListener("pointermove", move);
      const to = this.at(ended);
      if (Math.abs(to.x - from.x) >= 4 || to.lane !== from.lane) return;
      const track = studio.piece.tracks[from.lane];
      if (track) studio.track = track.id;
      studio.choose(null);
      studio.tell("mix");
      this.transport.seek(studio.snapped(view.tickAt(from.x)));
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end, { once: true });
  }

  /** @param {PointerEvent} event */
  at(event) {
    const { left, top } = this.layer.canvas.getBoundingClientRect();
    const lane = Math.floor((event.clientY - top) / LANE);
    const last = Math.max(0, this.studio.piece.tracks.length - 1);
    return { x: Math.max(KEYS, event.clientX - left), lane: Math.min(last, Math.max(0, lane)) };
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const { left } = this.element.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.view.zoom(Math.exp(-event.deltaY * 0.004), event.clientX - left);
    } else if (event.deltaX || event.shiftKey) {
      event.preventDefault();
      this.view.scroll(event.deltaX || event.deltaY, 0);
    }
  }
}
