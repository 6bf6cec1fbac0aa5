/**
 * Which part of the piece is seen, and where in it a tick and a pitch lie, in pixels.
 */

/** Pixels at the left, for the keys of a piano. */
export const KEYS = 56;
/** Pixels at the top, for bars or seconds. */
export const RULER = 26;
/** Pixels at the bottom, for velocities. */
export const VELOCITIES = 64;

const NEAREST = 2; // pixels a tick
const FARTHEST = 0.0002;
const LOWEST_ROW = 4;
const HIGHEST_ROW = 30;

export class View extends EventTarget {
  constructor() {
    super();
    this.tick = 0; // at the left
    this.scale = 0.12; // pixels a tick
    this.top = 84; // the pitch whose row's upper edge is at the top, with a fraction
    this.row = 13; // pixels of a pitch
    this.width = 600;
    this.height = 400;
    this.end = 0; // ticks, of the piece
  }

  /** Pixels of the rows. */
  get rows() {
    return Math.max(10, this.height - RULER - VELOCITIES);
  }

  /** The tick at the right. */
  get until() {
    return this.tickAt(this.width);
  }

  /** @param {number} tick */
  x(tick) {
    return KEYS + (tick - this.tick) * this.scale;
  }

  /** @param {number} x */
  tickAt(x) {
    return this.tick + (x - KEYS) / this.scale;
  }

  /** @param {number} pitch */
  y(pitch) {
    return RULER + (this.top - pitch) * this.row;
  }

  /** @param {number} y */
  pitchAt(y) {
    return Math.min(127, Math.max(0, Math.ceil(this.top - (y - RULER) / this.row)));
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.width = width;
    this.height = height;
    this.settle();
  }

  /**
   * @param {number} x pixels
   * @param {number} y
   */
  scroll(x, y) {
    this.tick += x / this.scale;
    this.top -= y / this.row;
    this.settle();
  }

  /**
   * @param {number} factor above 1: nearer
   * @param {number} [x] what stays where it is
   */
  zoom(factor, x = KEYS + (this.width - KEYS) / 2) {
    const kept = this.tickAt(x);
    this.scale = Math.min(NEAREST, Math.max(FARTHEST, this.scale * factor));
    this.tick = kept - (x - KEYS) / this.scale;
    this.settle();
  }

  /**
   * @param {number} factor
   * @param {number} y
   */
  zoomRows(factor, y) {
    const kept = this.top - (y - RULER) / this.row;
    this.row = Math.min(HIGHEST_ROW, Math.max(LOWEST_ROW, this.row * factor));
    this.top = kept + (y - RULER) / this.row;
    this.settle();
  }

  /**
   * Show these ticks and pitches, and something around them.
   *
   * @param {number} from
   * @param {number} until
   * @param {number} low
   * @param {number} high
   */
  fit(from, until, low, high) {
    const rows = Math.max(18, high - low + 5);
    this.row = Math.min(18, Math.max(LOWEST_ROW, this.rows / rows));
    this.top = (low + high + 1) / 2 + this.rows / this.row / 2;
    this.scale = Math.min(0.5, Math.max(FARTHEST, (this.width - KEYS - 40) / Math.max(1, until - from)));
    this.tick = from;
    this.settle();
  }

  /**
   * Scroll as little as is needed to see a place.
   *
   * @param {number} tick
   * @param {number} [pitch]
   */
  reveal(tick, pitch) {
    const x = this.x(tick);
    if (x < KEYS || x > this.width - 24) this.tick = tick - (this.width - KEYS) / this.scale / 6;
    if (pitch !== undefined) {
      const seen = this.rows / this.row;
      if (pitch + 1 > this.top) this.top = pitch + 3;
      if (pitch < this.top - seen) this.top = pitch - 2 + seen;
    }
    this.settle();
  }

  /**
   * Scroll as little as is needed to see these pitches; make rows lower where they are too many.
   *
   * @param {number} low
   * @param {number} high
   */
  cover(low, high) {
    const seen = this.rows / this.row;
    if (high + 1 <= this.top && low >= this.top - seen) return;
    if (high - low + 4 > seen) {
      this.row = Math.max(LOWEST_ROW, this.rows / (high - low + 4));
      this.top = high + 2.5;
    } else if (high + 1 > this.top) this.top = high + 2.5;
    else this.top = low - 1.5 + seen;
    this.settle();
  }

  /** Keep within what there is, and tell. */
  settle() {
    const seen = (this.width - KEYS) / this.scale;
    this.tick = Math.max(0, Math.min(this.tick, this.end + 0.75 * seen));
    this.row = Math.max(this.row, this.rows / 128);
    this.top = Math.min(128, Math.max(this.rows / this.row, this.top));
    this.dispatchEvent(new Event("change"));
  }
}
