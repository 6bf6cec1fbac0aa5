/**
 * Ticks, seconds and bars of a piece: each from the other, by its tempos and time signatures.
 */

/**
 * A stretch of bars of one time signature.
 *
 * @typedef {object} Metre
 * @property {number} tick where it begins
 * @property {number} bar how many bars come before
 * @property {number} bars ticks of a bar
 * @property {number} beats ticks of a beat
 * @property {number} numerator
 * @property {number} denominator
 */

const TEMPO = 500000; // microseconds a beat, where nothing is said

export class TimeMap {
  /**
   * @param {number} ticksPerBeat
   * @param {{ tick: number, microseconds: number }[]} tempos
   * @param {{ tick: number, numerator: number, denominator: number }[]} signatures
   */
  constructor(ticksPerBeat, tempos, signatures) {
    this.ticksPerBeat = ticksPerBeat;
    this.tempos = pacesOf(ticksPerBeat, tempos);
    this.metres = metresOf(ticksPerBeat, signatures);
  }

  /**
   * @param {number} tick
   * @returns {number}
   */
  seconds(tick) {
    const pace = lastBefore(this.tempos, (each) => each.tick <= tick);
    return pace.second + (tick - pace.tick) * pace.perTick;
  }

  /**
   * @param {number} second
   * @returns {number} ticks, with a fraction
   */
  tick(second) {
    const pace = lastBefore(this.tempos, (each) => each.second <= second);
    return pace.tick + (second - pace.second) / pace.perTick;
  }

  /**
   * @param {number} tick
   * @returns {number} beats a minute there
   */
  bpm(tick) {
    const pace = lastBefore(this.tempos, (each) => each.tick <= tick);
    return 60 / (pace.perTick * this.ticksPerBeat);
  }

  /** @param {number} tick */
  metre(tick) {
    return lastBefore(this.metres, (each) => each.tick <= tick);
  }

  /**
   * The bar, counted from 0, in which a tick lies.
   *
   * @param {number} tick
   */
  bar(tick) {
    const metre = this.metre(tick);
    return metre.bar + Math.floor((tick - metre.tick) / metre.bars);
  }

  /**
   * Where a bar begins.
   *
   * @param {number} bar from 0
   */
  beginOf(bar) {
    const metre = lastBefore(this.metres, (each) => each.bar <= bar);
    return metre.tick + (bar - metre.bar) * metre.bars;
  }

  /**
   * A place as musicians count it.
   *
   * @param {number} tick
   * @returns {{ bar: number, beat: number, rest: number }} from 1, 1 and 0 ticks
   */
  place(tick) {
    const metre = this.metre(tick);
    const bar = this.bar(tick);
    const within = tick - this.beginOf(bar);
    const beat = Math.floor(within / metre.beats);
    return { bar: bar + 1, beat: beat + 1, rest: Math.round(within - beat * metre.beats) };
  }

  /**
   * A place in words: "bar 3, beat 2", "bar 3, beat 2.5".
   *
   * @param {number} tick
   */
  words(tick) {
    const { bar, beat, rest } = this.place(tick);
    const part = Math.round((rest / this.metre(tick).beats) * 1000) / 1000;
    return `bar ${bar}, beat ${beat + part}`;
  }
}

/**
 * @param {number} ticksPerBeat
 * @param {{ tick: number, microseconds: number }[]} tempos
 */
function pacesOf(ticksPerBeat, tempos) {
  const known = tempos.length && tempos[0].tick === 0 ? tempos : [{ tick: 0, microseconds: TEMPO }, ...tempos];
  let second = 0;
  let before = { tick: 0, perTick: 0 };
  return known.map(({ tick, microseconds }) => {
    second += (tick - before.tick) * before.perTick;
    before = { tick, perTick: microseconds / 1e6 / ticksPerBeat };
    return { ...before, second };
  });
}

/**
 * @param {number} ticksPerBeat
 * @param {{ tick: number, numerator: number, denominator: number }[]} signatures
 * @returns {Metre[]}
 */
function metresOf(ticksPerBeat, signatures) {
  const usual = { tick: 0, numerator: 4, denominator: 4 };
  const known = signatures.length && signatures[0].tick === 0 ? signatures : [usual, ...signatures];
  /** @type {Metre[]} */
  const metres = [];
  for (const { tick, numerator, denominator } of known) {
    const last = metres.at(-1);
    const beats = (ticksPerBeat * 4) / denominator;
    const bar = last ? last.bar + Math.ceil((tick - last.tick) / last.bars) : 0;
    metres.push({ tick, bar, beats, bars: beats * numerator, numerator, denominator });
  }
  return metres;
}

/**
 * The last of some that are in order for which a test holds; the first if there is none.
 *
 * @template T
 * @param {T[]} items
 * @param {(item: T) => boolean} test
 * @returns {T}
 */
function lastBefore(items, test) {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (test(items[middle])) low = middle;
    else high = middle - 1;
  }
  return items[low];
}
