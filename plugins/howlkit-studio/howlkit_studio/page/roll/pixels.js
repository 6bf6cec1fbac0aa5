/**
 * Many small rectangles on a canvas, written as pixels: with thousands of them this takes a fraction
 * of the time that a call of the canvas for each would take.
 */

/** @import { Layer } from "./layer.js" */

export class Pixels {
  /** @param {Layer} layer of whose size the pixels are */
  constructor(layer) {
    this.layer = layer;
    this.image = new ImageData(Math.max(1, layer.canvas.width), Math.max(1, layer.canvas.height));
    this.words = new Uint32Array(this.image.data.buffer);
    this.dots = layer.width ? layer.canvas.width / layer.width : 1;
  }

  /**
   * Fill a rectangle; what is outside of `top` to `floor` and right of `left` is left out.
   *
   * @param {number} x pixels of the page
   * @param {number} y
   * @param {number} wide
   * @param {number} high
   * @param {number} word a colour
   * @param {{ left: number, top: number, floor: number }} edges
   */
  fill(x, y, wide, high, word, { left, top, floor }) {
    const { dots, words, image } = this;
    const across = image.width;
    const from = Math.max(Math.round(x * dots), Math.round(left * dots));
    const to = Math.min(Math.max(Math.round((x + wide) * dots), from + 1), across);
    const first = Math.max(Math.round(y * dots), Math.round(top * dots));
    const last = Math.min(Math.max(Math.round((y + high) * dots), first + 1), Math.round(floor * dots), image.height);
    for (let row = first; row < last; row += 1) {
      const begin = row * across;
      for (let at = begin + from; at < begin + to; at += 1) words[at] = word;
    }
  }

  /** Put the pixels on the canvas, in place of what was there. */
  show() {
    this.layer.pen.putImageData(this.image, 0, 0);
  }
}

/**
 * A colour as a word of an image (little-endian, as every machine with a browser is).
 *
 * @param {string} colour as "#rrggbb"
 * @param {number} alpha 0 to 1
 */
export function wordOf(colour, alpha) {
  const value = Number.parseInt(colour.slice(1), 16);
  const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255];
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
