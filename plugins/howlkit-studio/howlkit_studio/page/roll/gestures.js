/**
 * What a drag over the piano-roll does: each gesture begins with a press, follows the pointer, and
 * ends in one edit, or in none.
 */

import { addNotes, haveTrack } from "../actions.js";
import { RULER, VELOCITIES } from "./view.js";

/** @import { Note } from "../protocol.js" */
/** @import { Studio } from "../studio.js" */
/** @import { Roll } from "./roll.js" */

/**
 * A place of the pointer.
 *
 * @typedef {object} Point
 * @property {number} x pixels from the left of the roll
 * @property {number} y
 * @property {boolean} free no grid
 * @property {boolean} more shift: more than before
 * @property {boolean} copy ctrl or cmd
 */

/**
 * @typedef {object} Gesture
 * @property {(point: Point) => void} move
 * @property {(point: Point) => void} end
 */

const NEAR = 4; // pixels that are no drag yet

/**
 * Move the selected notes, or copies of them.
 *
 * @param {Roll} roll
 * @param {Note} note the one that was pressed
 * @param {Point} from
 * @returns {Gesture}
 */
export function moveNotes(roll, note, from) {
  const { studio, view } = roll;
  const notes = studio.selected();
  const first = Math.min(...notes.map((each) => each.start));
  const by = (/** @type {Point} */ point) => {
    if (Math.hypot(point.x - from.x, point.y - from.y) < NEAR) return { ticks: 0, pitches: 0 };
    const to = note.start + (point.x - from.x) / view.scale;
    const ticks = (point.free ? Math.round(to) : studio.snapped(to)) - note.start;
    const pitches = view.pitchAt(point.y) - view.pitchAt(from.y);
    const [low, high] = [Math.min(...notes.map((n) => n.pitch)), Math.max(...notes.map((n) => n.pitch))];
    return { ticks: Math.max(ticks, -first), pitches: Math.min(127 - high, Math.max(-low, pitches)) };
  };
  let heard = note.pitch;
  return {
    move(point) {
      const { ticks, pitches } = by(point);
      if (note.pitch + pitches !== heard) roll.transport.sound({ ...note, pitch: (heard = note.pitch + pitches) });
      const moved = notes.map((each) => ({ ...each, start: each.start + ticks, pitch: each.pitch + pitches }));
      studio.show({ hidden: point.copy ? new Set() : studio.selection, notes: moved });
    },
    end(point) {
      const { ticks, pitches } = by(point);
      if (!ticks && !pitches) studio.show(null);
      else edit(studio, { kind: point.copy ? "copy" : "move", ids: [...studio.selection], ticks, pitches });
    },
  };
}

/**
 * Make the selected notes longer or shorter.
 *
 * @param {Roll} roll
 * @param {Note} note
 * @param {Point} from
 * @returns {Gesture}
 */
export function resizeNotes(roll, note, from) {
  const { studio, view } = roll;
  const notes = studio.selected();
  const by = (/** @type {Point} */ point) => {
    if (Math.abs(point.x - from.x) < NEAR / 2) return 0;
    const to = note.start + note.duration + (point.x - from.x) / view.scale;
    return (point.free ? Math.round(to) : studio.snapped(to)) - note.start - note.duration;
  };
  return {
    move(point) {
      const ticks = by(point);
      const resized = notes.map((each) => ({ ...each, duration: Math.max(1, each.duration + ticks) }));
      studio.show({ hidden: studio.selection, notes: resized });
    },
    end(point) {
      const ticks = by(point);
      if (ticks) {
        studio.length = Math.max(1, note.duration + ticks);
        edit(studio, { kind: "resize", ids: [...studio.selection], ticks });
      } else studio.show(null);
    },
  };
}

/**
 * Draw a note, as long as the drag; a click draws one as long as the last.
 *
 * @param {Roll} roll
 * @param {Point} from
 * @returns {Gesture}
 */
export function drawNote(roll, from) {
  const { studio, view } = roll;
  const tick = view.tickAt(from.x);
  const start = Math.max(0, from.free ? Math.round(tick) : studio.snapped(tick, Math.floor));
  const pitch = view.pitchAt(from.y);
  const drawn = (/** @type {Point} */ point) => {
    const until = view.tickAt(point.x);
    const stop = point.free ? Math.round(until) : studio.snapped(until, Math.ceil);
    const dragged = Math.abs(point.x - from.x) >= NEAR;
    const duration = dragged ? Math.max(point.free ? 1 : studio.step, stop - start) : studio.length || studio.step;
    return { start, duration, pitch, velocity: studio.velocity, track: studio.track };
  };
  roll.transport.sound(drawn(from));
  const show = (/** @type {Point} */ point) =>
    studio.show({ hidden: new Set(), notes: [{ ...drawn(point), id: 0, by: 0, locked: 0 }] });
  show(from);
  return {
    move: show,
    async end(point) {
      if (await haveTrack(studio)) {
        const note = { ...drawn(point), track: studio.track };
        if (Math.abs(point.x - from.x) >= NEAR) studio.length = note.duration;
        if (await addNotes(studio, [note])) studio.go(note.start + note.duration, note.pitch);
      }
      studio.show(null);
    },
  };
}

/**
 * Select the notes in a rectangle; a click that is no drag goes there.
 *
 * @param {Roll} roll
 * @param {Point} from
 * @returns {Gesture}
 */
export function selectBand(roll, from) {
  const { studio, view } = roll;
  const before = from.more ? [...studio.selection] : [];
  return {
    move(point) {
      const [x, y] = [Math.min(from.x, point.x), Math.min(from.y, point.y)];
      roll.band = { x, y, wide: Math.abs(point.x - from.x), high: Math.abs(point.y - from.y) };
      const [high, low] = [view.pitchAt(y), view.pitchAt(y + roll.band.high)];
      const found = new Set(before);
      studio.piece.index.visit(view.tickAt(x), view.tickAt(x + roll.band.wide), (note) => {
        if (note.pitch >= low && note.pitch <= high) found.add(note.id);
      });
      studio.select(found);
      roll.redraw("over");
    },
    end(point) {
      roll.band = null;
      roll.redraw("over");
      if (Math.hypot(point.x - from.x, point.y - from.y) >= NEAR) return;
      studio.select(before);
      const tick = view.tickAt(point.x);
      roll.transport.seek(point.free ? tick : studio.snapped(tick), view.pitchAt(point.y));
    },
  };
}

/**
 * Choose a region of time on the ruler; a click goes there.
 *
 * @param {Roll} roll
 * @param {Point} from
 * @returns {Gesture}
 */
export function rulerRegion(roll, from) {
  const { studio, view } = roll;
  const tracks = new Set(studio.piece.tracks.map((track) => track.id));
  return {
    move(point) {
      if (Math.abs(point.x - from.x) < NEAR) return;
      const [one, other] = [from.x, point.x].map((x) => view.tickAt(x)).sort((a, b) => a - b);
      const { ticksPerBeat } = studio.piece;
      const begin = Math.max(0, Math.floor(one / ticksPerBeat) * ticksPerBeat);
      studio.choose({ begin, stop: Math.ceil(other / ticksPerBeat) * ticksPerBeat, tracks });
    },
    end(point) {
      if (Math.abs(point.x - from.x) < NEAR) roll.transport.seek(studio.snapped(view.tickAt(point.x)));
    },
  };
}

/**
 * Set the velocity of the notes that begin under the pointer, or of all that are selected.
 *
 * @param {Roll} roll
 * @param {Point} from
 * @returns {Gesture}
 */
export function setVelocity(roll, from) {
  const { studio, view } = roll;
  const near = (/** @type {number} */ x) => {
    /** @type {Note[]} */
    const found = [];
    const [begin, stop] = [view.tickAt(x - 5), view.tickAt(x + 3)];
    studio.piece.index.visit(begin, stop, (note) => {
      if (note.start >= begin && note.start <= stop) found.push(note);
    });
    return found;
  };
  /** @type {Map<number, Note>} */
  const changed = new Map();
  const move = (/** @type {Point} */ point) => {
    const share = (roll.view.height - point.y) / (VELOCITIES - 10);
    const velocity = Math.min(127, Math.max(1, Math.round(share * 127)));
    const all = near(point.x);
    const chosen = all.filter((note) => studio.selection.has(note.id));
    for (const note of chosen.length ? studio.selected() : studio.selection.size ? [] : all) {
      if (!note.locked) changed.set(note.id, { ...note, velocity });
    }
    studio.show({ hidden: new Set(changed.keys()), notes: [...changed.values()] });
    if (changed.size) studio.velocity = velocity;
  };
  move(from);
  return {
    move,
    end() {
      if (!changed.size) studio.show(null);
      else {
        const notes = [...changed.values()];
        const table = { id: notes.map((note) => note.id), velocity: notes.map((note) => note.velocity) };
        edit(studio, { kind: "set", notes: table });
      }
    },
  };
}

/**
 * Sound the keys at the left.
 *
 * @param {Roll} roll
 * @param {Point} from
 * @returns {Gesture}
 */
export function playKeys(roll, from) {
  let heard = -1;
  const move = (/** @type {Point} */ { y }) => {
    const pitch = roll.view.pitchAt(Math.max(RULER + 1, y));
    if (pitch === heard) return;
    heard = pitch;
    roll.transport.sound({ pitch, velocity: roll.studio.velocity, track: roll.studio.track });
  };
  move(from);
  return { move, end() {} };
}

/**
 * Edit, and show the preview until the answer is there.
 *
 * @param {Studio} studio
 * @param {{ kind: string, [name: string]: unknown }} change
 */
async function edit(studio, change) {
  await studio.edit(change);
  studio.show(null);
}
