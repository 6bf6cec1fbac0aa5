/**
 * A canvas of the size of its element, at the density of the screen.
 */
export class Layer {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.width = 0;
    this.height = 0;
  }

  /**
   * @param {number} width pixels of the page
   * @param {number} height
   */
  resize(width, height) {
    const dots = window.devicePixelRatio || 1;
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(height * dots);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.pen.setTransform(dots, 0, 0, dots, 0, 0);
  }

  clear() {
    this.pen.clearRect(0, 0, this.width, this.height);
  }
}
