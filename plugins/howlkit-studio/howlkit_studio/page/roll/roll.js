/**
 * The piano-roll: three canvases one over the other, each drawn only when it has changed.
 */

import { drawGround } from "./ground.js";
import { Layer } from "./layer.js";
import { drawNotes } from "./notes.js";
import { drawOver } from "./over.js";

/** @import { Colours } from "./colours.js" */
/** @import { Band } from "./over.js" */
/** @import { View } from "./view.js" */
/** @import { Studio } from "../studio.js" */
/** @import { Transport } from "../sound/transport.js" */

/** @typedef {"ground" | "notes" | "over"} LayerName */

export class Roll {
  /**
   * @param {HTMLElement} element with three canvases
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
    /** @type {Band | null} */
    this.band = null;
    const layer = (/** @type {LayerName} */ name) =>
      new Layer(/** @type {HTMLCanvasElement} */ (element.querySelector(`canvas.${name}`)));
    this.layers = { ground: layer("ground"), notes: layer("notes"), over: layer("over") };
    /** @type {Set<LayerName>} */
    this.stale = new Set();
    this.asked = false;
    this.listen();
    new ResizeObserver(() => this.fit()).observe(element);
    this.fit();
  }

  listen() {
    const { studio } = this;
    const all = () => this.redraw("ground", "notes", "over");
    this.view.addEventListener("change", all);
    this.colours.addEventListener("change", all);
    studio.on("piece settings", all);
    studio.on("changed", () => {
      this.view.end = studio.piece.end;
      all();
    });
    studio.on("mix", () => this.redraw("ground", "notes"));
    studio.on("selection surprise", () => this.redraw("notes"));
    studio.on("cursor region", () => this.redraw("over"));
    studio.on("preview takes making", () => this.redraw("notes", "over"));
    for (const event of ["focus", "blur"]) this.element.addEventListener(event, () => this.redraw("over"));
    this.transport.addEventListener("time", () => this.follow());
    this.transport.addEventListener("state", () => this.redraw("over"));
  }

  fit() {
    const { clientWidth, clientHeight } = this.element;
    for (const layer of Object.values(this.layers)) layer.resize(clientWidth, clientHeight);
    this.view.resize(clientWidth, clientHeight);
  }

  /** Show the place that is heard, a page after the other. */
  follow() {
    const { view, transport } = this;
    const x = view.x(transport.tick);
    if (transport.playing && (x > view.width - 16 || x < 0)) {
      view.tick = Math.max(0, transport.tick - (view.width * 0.08) / view.scale);
      view.settle();
    }
    this.redraw("over");
  }

  /** @param {LayerName[]} layers */
  redraw(...layers) {
    for (const layer of layers) this.stale.add(layer);
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.asked = false;
    const { studio, view, colours, layers } = this;
    const stale = new Set(this.stale);
    this.stale.clear();
    if (stale.has("ground")) drawGround(layers.ground, studio, view, colours);
    if (stale.has("notes")) drawNotes(layers.notes, studio, view, colours);
    if (!stale.has("over")) return;
    drawOver(layers.over, studio, view, colours, {
      playing: this.transport.playing ? this.transport.tick : null,
      band: this.band,
      focused: document.activeElement === this.element,
    });
  }
}
