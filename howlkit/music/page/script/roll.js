/**
 * A piano-roll on a canvas: pitch upwards, time to the right, a colour for each part.
 *
 * The element scrolls if the piece is long; the canvas is as wide as what is seen of it, and shows
 * the notes there. Colours are the page's (style/page.css), so that they follow light and dark.
 */

/**
 * The notes of a piece as a page holds them, a list for each column; times are milliseconds.
 *
 * @typedef {object} StoredRoll
 * @property {number[]} start
 * @property {number[]} end
 * @property {number[]} row of `rows`, from the top
 * @property {number[]} part
 * @property {number[]} velocity 1 to 127
 * @property {{ name: string, drums: boolean }[]} parts
 * @property {{ name: string, kind: "white" | "black" | "drum" }[]} rows from the top
 * @property {[number, string][]} lines strong lines of the grid, and what stands above them
 * @property {number[]} faint weak lines
 */

const SLOWEST = 16; // pixels a second at least; a longer piece scrolls
const RULER = 18; // pixels above the rows
const NAMES = 40; // pixels at the left, for names of rows
const LONGEST_BEFORE_GAP = 0.7; // pixels that a note is shorter, so that repeated notes are two
const COLOURS = 8;

export class Roll {
  /**
   * @param {HTMLElement} element with a canvas, a cursor and a spacer inside
   * @param {StoredRoll} notes
   * @param {number} seconds
   */
  constructor(element, notes, seconds) {
    this.element = element;
    this.notes = notes;
    this.seconds = seconds;
    this.canvas = /** @type {HTMLCanvasElement} */ (element.querySelector("canvas"));
    this.cursor = /** @type {HTMLElement} */ (element.querySelector(".cursor"));
    this.spacer = /** @type {HTMLElement} */ (element.querySelector(".spacer"));
    this.scale = SLOWEST; // pixels a second
    this.position = 0;
    this.height = 0;
    this.varied = new Set(notes.velocity).size > 1;
    element.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.fit()).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.fit();
  }

  /** Fit the scale to the width of the element, and draw. */
  fit() {
    const width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    this.scale = Math.max((width - NAMES - 8) / this.seconds, SLOWEST);
    this.spacer.style.width = `${NAMES + this.seconds * this.scale + 8}px`;
    const dots = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(this.height * dots);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.draw();
    this.show(this.position);
  }

  /**
   * The second of the piece at a place in the window.
   *
   * @param {number} x pixels from the left of the window
   */
  secondsAt(x) {
    const { left } = this.element.getBoundingClientRect();
    return (x - left - this.element.clientLeft + this.element.scrollLeft - NAMES) / this.scale;
  }

  /**
   * Move the cursor, and scroll so that it stays in view.
   *
   * @param {number} position seconds
   */
  show(position) {
    this.position = position;
    const x = NAMES + position * this.scale;
    this.cursor.style.transform = `translateX(${x.toFixed(1)}px)`;
    const { scrollLeft, clientWidth } = this.element;
    if (x < scrollLeft + NAMES || x > scrollLeft + clientWidth - 24) {
      this.element.scrollLeft = x - NAMES - clientWidth / 8;
    }
  }

  /** Draw what is seen. */
  draw() {
    const pen = this.canvas.getContext("2d");
    const rows = this.notes.rows.length;
    if (!pen || !rows) return;
    const dots = window.devicePixelRatio || 1;
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    const style = getComputedStyle(this.element);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`);
    const high = (this.height - RULER) / rows;
    pen.font = `10px ${style.fontFamily}`;
    pen.fillStyle = colour("ground");
    pen.fillRect(0, 0, this.element.clientWidth, this.height);
    this.drawRows(pen, high, colour);
    pen.save();
    pen.beginPath();
    pen.rect(NAMES, 0, this.element.clientWidth, this.height);
    pen.clip();
    this.drawGrid(pen, colour);
    this.drawNotes(pen, high, colour);
    pen.restore();
    this.drawNames(pen, high, colour);
  }

  /** The seconds that are seen. */
  seen() {
    const from = this.element.scrollLeft / this.scale;
    return { from, until: from + (this.element.clientWidth - NAMES) / this.scale };
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} high pixels of a row
   * @param {(name: string) => string} colour
   */
  drawRows(pen, high, colour) {
    this.notes.rows.forEach(({ kind }, row) => {
      const shaded = kind === "black" || (kind === "drum" && row % 2);
      pen.fillStyle = colour(shaded ? "row-dark" : "row-light");
      pen.fillRect(NAMES, RULER + row * high, this.element.clientWidth, high);
    });
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {(name: string) => string} colour
   */
  drawGrid(pen, colour) {
    const { from, until } = this.seen();
    const x = (/** @type {number} */ ms) => NAMES + (ms / 1000 - from) * this.scale;
    pen.fillStyle = colour("beat");
    const gap = this.notes.faint.length / this.seconds;
    if (gap && this.scale / gap > 7) {
      for (const ms of this.notes.faint) {
        if (ms / 1000 >= from && ms / 1000 <= until) pen.fillRect(x(ms), RULER, 1, this.height);
      }
    }
    let free = -Infinity; // pixels up to which the ruler is written
    for (const [ms, name] of this.notes.lines) {
      if (ms / 1000 < from - 0.01 || ms / 1000 > until) continue;
      pen.fillStyle = colour("bar");
      pen.fillRect(x(ms), RULER, 1, this.height);
      if (x(ms) < free) continue;
      pen.fillStyle = colour("pale");
      pen.fillText(name, x(ms) + 2, RULER - 6);
      free = x(ms) + pen.measureText(name).width + 14;
    }
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} high
   * @param {(name: string) => string} colour
   */
  drawNotes(pen, high, colour) {
    const { from, until } = this.seen();
    const { start, end, row, part, velocity, parts } = this.notes;
    const fills = parts.map(({ drums }, at) =>
      colour(drums ? "part-drums" : `part-${at < COLOURS ? at : "other"}`),
    );
    for (let at = 0; at < start.length && start[at] / 1000 < until; at += 1) {
      if (end[at] / 1000 < from) continue;
      const x = NAMES + (start[at] / 1000 - from) * this.scale;
      const long = ((end[at] - start[at]) / 1000) * this.scale - LONGEST_BEFORE_GAP;
      const wide = parts[part[at]].drums ? 3 : Math.max(long, 1.5);
      pen.globalAlpha = this.varied ? 0.4 + (0.6 * velocity[at]) / 127 : 1;
      pen.fillStyle = fills[part[at]];
      pen.beginPath();
      pen.roundRect(x, RULER + row[at] * high + 0.4, wide, Math.max(high - 0.8, 1), Math.min(2, high / 4));
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} high
   * @param {(name: string) => string} colour
   */
  drawNames(pen, high, colour) {
    pen.fillStyle = colour("ground");
    pen.fillRect(0, 0, NAMES, this.height);
    pen.fillStyle = colour("pale");
    pen.textAlign = "right";
    let free = -Infinity;
    this.notes.rows.forEach(({ name }, row) => {
      const y = RULER + row * high + high / 2 + 3.5;
      if (!name || y < free || y > this.height - 1) return;
      pen.fillText(name, NAMES - 5, y, NAMES - 6);
      free = y + 10;
    });
    pen.textAlign = "left";
  }
}
