/**
 * The notes as a list, for people who do not see the piano-roll: those around the cursor, in words.
 */

import { count } from "../actions.js";
import { byId, make } from "../dom.js";
import { trackName } from "../music/names.js";
import { describe } from "./beside.js";

/** @import { App } from "../main.js" */
/** @import { Note } from "../protocol.js" */

const PAGE = 60; // notes

/** @param {App} app */
export function makeNoteList({ studio, view }) {
  const panel = byId("panel-notes", HTMLElement);
  const words = make("p", { class: "about", role: "status" });
  const list = make("ol", { class: "note-list" });
  let first = 0;
  const turn = (/** @type {number} */ by) => {
    first += by;
    draw();
  };
  const back = make("button", { text: "Before", onclick: () => turn(-PAGE) });
  const on = make("button", { text: "After", onclick: () => turn(PAGE) });
  const cursor = make("button", {
    text: "At the cursor",
    onclick: () => {
      first = Math.max(0, inOrder(studio).findIndex((note) => note.start >= studio.cursor.tick));
      draw();
    },
  });
  panel.replaceChildren(words, make("div", { class: "row" }, back, cursor, on), list);
  const draw = () => {
    if (panel.hidden) return;
    const notes = inOrder(studio);
    first = Math.max(0, Math.min(first, notes.length - 1));
    const shown = notes.slice(first, first + PAGE);
    const name = trackName(studio.piece.track(studio.track));
    words.textContent = notes.length ? `${name}: notes ${first + 1} to ${first + shown.length} of ${count(notes.length, "note")}.` : `${name}: no notes yet.`;
    [back.disabled, on.disabled] = [first === 0, first + PAGE >= notes.length];
    list.start = first + 1;
    list.replaceChildren(...shown.map((note) => item(note)));
  };
  const item = (/** @type {Note} */ note) => {
    const onclick = () => {
      studio.select([note.id]);
      studio.go(note.start, note.pitch);
      view.reveal(note.start, note.pitch);
    };
    return make("li", {}, make("button", { "data-note": note.id, "aria-pressed": studio.selection.has(note.id), text: describe(studio, note), onclick }));
  };
  studio.on("changed mix surprise", draw);
  studio.on("selection", () => {
    for (const button of list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(studio.selection.has(Number(button.dataset.note))));
    }
  });
  panel.addEventListener("shown", draw);
}

/** @param {App["studio"]} studio */
function inOrder({ piece, track }) {
  return [...piece.notes.values()]
    .filter((note) => note.track === track)
    .sort((one, other) => one.start - other.start || one.pitch - other.pitch);
}
