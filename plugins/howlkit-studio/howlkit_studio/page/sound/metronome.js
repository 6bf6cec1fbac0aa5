/**
 * A metronome: a click at each beat, a higher one at each bar.
 */

/** @import { Studio } from "../studio.js" */

export class Metronome {
  /** @param {Studio} studio */
  constructor(studio) {
    this.studio = studio;
  }

  /**
   * Schedule the clicks from a tick to before another one.
   *
   * @param {AudioContext} context
   * @param {AudioNode} out
   * @param {number} from
   * @param {number} to
   * @param {(tick: number) => number} at the clock at a tick
   */
  schedule(context, out, from, to, at) {
    const { time } = this.studio.piece;
    const metre = time.metre(from);
    const bar = time.beginOf(time.bar(from));
    for (let beat = Math.ceil((from - bar) / metre.beats - 1e-9); ; beat += 1) {
      const tick = bar + beat * metre.beats;
      if (tick >= to) return;
      click(context, out, at(tick), time.place(tick).beat === 1);
    }
  }
}

/**
 * @param {AudioContext} context
 * @param {AudioNode} out
 * @param {number} when
 * @param {boolean} first of a bar
 */
function click(context, out, when, first) {
  const moment = Math.max(when, context.currentTime);
  const tone = new OscillatorNode(context, { frequency: first ? 1760 : 1175, type: "triangle" });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(first ? 0.12 : 0.07, moment);
  gain.gain.exponentialRampToValueAtTime(0.0005, moment + 0.05);
  tone.connect(gain).connect(out);
  tone.start(moment);
  tone.stop(moment + 0.06);
  tone.onended = () => gain.disconnect();
}
