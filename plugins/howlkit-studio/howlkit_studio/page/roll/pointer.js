/**
 * The mouse, a pen or a finger over the piano-roll.
 */

import { drawNote, moveNotes, playKeys, resizeNotes, rulerRegion, selectBand, setVelocity } from "./gestures.js";
import { KEYS, RULER, VELOCITIES } from "./view.js";

/** @import { Gesture, Point } from "./gestures.js" */
/** @import { Note } from "../protocol.js" */
/** @import { Roll } from "./roll.js" */

const EDGE = 7; // pixels at the end of a note that resize it

/**
 * Let a pointer edit what it points to.
 *
 * @param {Roll} roll
 */
export function listenToPointer(roll) {
  const { element } = roll;
  /** @type {Gesture | null} */
  let gesture = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    gesture = begun(roll, pointOf(roll, event));
  });
  element.addEventListener("pointermove", (event) => {
    const point = pointOf(roll, event);
    if (gesture) gesture.move(point);
    else element.style.cursor = cursorAt(roll, point);
  });
  const end = (/** @type {PointerEvent} */ event) => {
    gesture?.end(pointOf(roll, event));
    gesture = null;
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("dblclick", (event) => {
    const point = pointOf(roll, event);
    if (areaOf(roll, point) !== "notes" || roll.studio.tool === "draw" || hit(roll, point)) return;
    drawNote(roll, point).end(point);
  });
  element.addEventListener("wheel", (event) => wheel(roll, event), { passive: false });
}

/**
 * @param {Roll} roll
 * @param {Point} point
 * @returns {Gesture}
 */
function begun(roll, point) {
  const { studio } = roll;
  const area = areaOf(roll, point);
  if (area === "ruler") return rulerRegion(roll, point);
  if (area === "keys") return playKeys(roll, point);
  if (area === "velocities") return setVelocity(roll, point);
  const found = hit(roll, point);
  if (!found) return studio.tool === "draw" ? drawNote(roll, point) : selectBand(roll, point);
  const { note, edge } = found;
  const had = studio.selection.has(note.id);
  if (point.more) {
    studio.select(had ? [...studio.selection].filter((id) => id !== note.id) : [...studio.selection, note.id]);
  } else if (!had) studio.select([note.id]);
  if (studio.track !== note.track) {
    studio.track = note.track;
    studio.tell("mix");
  }
  roll.transport.sound(note);
  return edge ? resizeNotes(roll, note, point) : moveNotes(roll, note, point);
}

/**
 * The note under a point, that of the track which is active first.
 *
 * @param {Roll} roll
 * @param {Point} point
 * @returns {{ note: Note, edge: boolean } | null}
 */
export function hit({ studio, view }, point) {
  const pitch = view.pitchAt(point.y);
  /** @type {Note[]} */
  const found = [];
  studio.piece.index.visit(view.tickAt(point.x - 3), view.tickAt(point.x + 3), (note) => {
    if (note.pitch === pitch) found.push(note);
  });
  const note = found.find((each) => each.track === studio.track) ?? found[0];
  if (!note) return null;
  const right = view.x(note.start + note.duration);
  const wide = right - view.x(note.start);
  return { note, edge: point.x > right - Math.min(EDGE, wide / 3) };
}

/**
 * @param {Roll} roll
 * @param {Point} point
 */
function areaOf({ view }, { x, y }) {
  if (y < RULER) return "ruler";
  if (y > view.height - VELOCITIES) return "velocities";
  return x < KEYS ? "keys" : "notes";
}

/**
 * @param {Roll} roll
 * @param {Point} point
 */
function cursorAt(roll, point) {
  const area = areaOf(roll, point);
  if (area === "ruler") return "text";
  if (area === "keys") return "pointer";
  if (area === "velocities") return "ns-resize";
  const found = hit(roll, point);
  if (found) return found.edge ? "ew-resize" : "grab";
  return roll.studio.tool === "draw" ? "cell" : "crosshair";
}

/**
 * @param {Roll} roll
 * @param {MouseEvent} event
 * @returns {Point}
 */
function pointOf({ element }, event) {
  const { left, top } = element.getBoundingClientRect();
  const { altKey, shiftKey, ctrlKey, metaKey } = event;
  return {
    x: event.clientX - left - element.clientLeft,
    y: event.clientY - top - element.clientTop,
    free: altKey,
    more: shiftKey,
    copy: ctrlKey || metaKey,
  };
}

/**
 * @param {Roll} roll
 * @param {WheelEvent} event
 */
function wheel(roll, event) {
  event.preventDefault();
  const point = pointOf(roll, event);
  const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  const { deltaX, deltaY } = event;
  if (event.ctrlKey || event.metaKey) roll.view.zoom(Math.exp(-deltaY * pixels * 0.004), point.x);
  else if (event.altKey) roll.view.zoomRows(Math.exp(-deltaY * pixels * 0.004), point.y);
  else if (event.shiftKey && !deltaX) roll.view.scroll(deltaY * pixels, 0);
  else roll.view.scroll(deltaX * pixels, deltaY * pixels);
}
