/**
 * The history as a tree: what was done, newest first; a branch stands to the right of the way that
 * was left. A click goes there.
 */

import { byId, make } from "../dom.js";

/** @import { App } from "../main.js" */
/** @import { State } from "../protocol.js" */

const MOST = 400; // states that are listed
const SHORT = 5; // states: a longer run of one kind is folded
const DEEPEST = 6; // columns

/** @type {{ [what: string]: string }} */
const WORDS = {
  begin: "the beginning", add: "write", remove: "delete", move: "move", resize: "lengthen or shorten", velocity: "velocity",
  copy: "copy", quantise: "quantise", lock: "lock", set: "change", track_add: "add a track", track_change: "change a track",
  track_remove: "remove a track", track_order: "order of tracks", tempo: "tempo", time_signature: "time signature",
  go_on: "the model goes on", take: "a take", remake: "a take",
};

/** @param {App} app */
export function makeHistory({ studio }) {
  const panel = byId("panel-history", HTMLElement);
  const list = make("ol", { class: "history" });
  panel.replaceChildren(
    make("p", { class: "about", text: "Nothing is lost: go back to any state and take another way. A way that was left stands further right." }),
    list,
  );
  /** Runs that are shown whole, by their newest state. @type {Set<number>} */
  const opened = new Set();
  const rest = (/** @type {State[]} */ run) => {
    const onclick = () => {
      opened.add(run[0].id);
      draw();
    };
    const text = `… ${run.length - 1} more like it`;
    return make("li", {}, make("button", { class: "rest", text, onclick }));
  };
  const draw = () => {
    if (panel.hidden) return;
    const columns = columnsOf(studio.states);
    const states = [...studio.states.values()].sort((one, other) => other.id - one.id).slice(0, MOST);
    const rows = runsOf(states, studio.piece.head, columns).flatMap((run) => {
      const drawn = run.map((state) => row(studio, state, columns.get(state.id) ?? 0));
      return run.length < SHORT || opened.has(run[0].id) ? drawn : [drawn[0], rest(run)];
    });
    list.replaceChildren(...rows);
    list.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
  };
  studio.on("history changed", draw);
  panel.addEventListener("shown", draw);
}

/**
 * @param {App["studio"]} studio
 * @param {State} state
 * @param {number} column
 */
function row(studio, state, column) {
  const here = state.id === studio.piece.head;
  const what = WORDS[state.what] ?? state.what.replaceAll("_", " ");
  const notes = state.notes ? `${state.notes} ${state.notes === 1 ? "note" : "notes"}` : "";
  const time = new Date(state.when * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const onclick = () => {
    if (!here) void studio.ask({ do: "go", to: state.id });
  };
  const button = make(
    "button",
    { onclick, "aria-current": here ? "true" : undefined, class: state.by > 0 ? "of-model" : "" },
    make("span", { class: "dot" }),
    make("span", { class: "what", text: what }),
    make("small", { text: [notes, time].filter(Boolean).join(" · ") }),
  );
  return make("li", { class: `column-${Math.min(column, DEEPEST)}` }, button);
}

/**
 * Neighbours that are one edit after the other of the same kind; the state that is shown ends one.
 *
 * @param {State[]} states newest first
 * @param {number} head
 * @param {Map<number, number>} columns
 */
function runsOf(states, head, columns) {
  /** @type {State[][]} */
  const runs = [];
  for (const state of states) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const next = last && last.parent === state.id && last.what === state.what && columns.get(last.id) === columns.get(state.id);
    if (run && next && state.id !== head && state.by <= 0) run.push(state);
    else runs.push([state]);
  }
  return runs;
}

/**
 * The column of each state: a way that was taken later goes on below its parent, those before it
 * stand a column further right.
 *
 * @param {Map<number, State>} states
 */
function columnsOf(states) {
  /** @type {Map<number, number>} the newest child of each */
  const newest = new Map();
  for (const { id, parent } of states.values()) newest.set(parent, Math.max(id, newest.get(parent) ?? -1));
  /** @type {Map<number, number>} */
  const columns = new Map();
  for (const { id, parent } of [...states.values()].sort((one, other) => one.id - other.id)) {
    const above = columns.get(parent) ?? 0;
    columns.set(id, newest.get(parent) === id || parent < 0 ? above : above + 1);
  }
  return columns;
}
