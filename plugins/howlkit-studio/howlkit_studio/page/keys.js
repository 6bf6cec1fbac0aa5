/**
 * Everything by keyboard: each key, what it says of itself in the help, and what it does.
 *
 * Those with `anywhere` work wherever no text is written; the others while the piano-roll has the
 * focus, so that no single letter does something by surprise. None is a key by which browsers change
 * tabs, such as Alt with a digit.
 */

import * as actions from "./actions.js";

/** @import { App } from "./main.js" */

/**
 * @typedef {object} Key
 * @property {string[]} keys such as "Ctrl+Shift+z": names of KeyboardEvent.key, letters small
 * @property {string} shown in the help
 * @property {string} group
 * @property {string} text
 * @property {boolean} [anywhere]
 * @property {(app: App, key: string) => void} act
 */

const TYPING = "input, textarea, select, [contenteditable]";
const PRESSED = "button, summary, a, [role=tab], [role=treeitem]";

/** Ticks and pitches of an arrow. @type {{ [key: string]: [number, number] }} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** @type {Key[]} */
export const KEYS = [
  { keys: [" "], shown: "Space", group: "Play", text: "play or pause", anywhere: true, act: ({ transport }) => void transport.toggle() },
  { keys: ["Home"], shown: "Home", group: "Play", text: "to the beginning", act: (app) => goTo(app, 0) },
  { keys: ["End"], shown: "End", group: "Play", text: "to the end", act: (app) => goTo(app, app.studio.snapped(app.studio.end, Math.ceil)) },
  { keys: ["PageUp", "PageDown"], shown: "Page up, down", group: "Play", text: "a bar back, a bar on", act: byBar },
  { keys: ["o"], shown: "O", group: "Play", text: "loop the region, or all", act: ({ studio }) => flip(studio, "loop") },
  { keys: ["k"], shown: "K", group: "Play", text: "metronome", act: ({ studio }) => flip(studio, "metronome") },

  { keys: Object.keys(ARROWS), shown: "Arrows", group: "Write", text: "move the cursor, or the selected notes", act: ({ studio, view, transport }, key) => arrow({ studio, view, transport }, key) },
  { keys: ["Shift+ArrowUp", "Shift+ArrowDown"], shown: "Shift+↑ ↓", group: "Write", text: "an octave up or down", act: ({ studio, view, transport }, key) => arrow({ studio, view, transport }, key.slice(6), 12) },
  { keys: ["Shift+ArrowLeft", "Shift+ArrowRight"], shown: "Shift+← →", group: "Write", text: "shorter or longer", act: longer },
  { keys: ["Alt+ArrowUp", "Alt+ArrowDown"], shown: "Alt+↑ ↓", group: "Write", text: "louder or softer", act: louder },
  { keys: ["n", "Enter"], shown: "N or Enter", group: "Write", text: "write a note at the cursor", act: ({ studio, transport, view }) => {
    void transport.sound({ pitch: studio.cursor.pitch, velocity: studio.velocity, track: studio.track });
    void actions.writeNote(studio).then(() => view.reveal(studio.cursor.tick));
  } },
  { keys: ["Delete", "Backspace"], shown: "Delete", group: "Write", text: "delete the selected notes", act: ({ studio }) => void actions.removeSelected(studio) },
  { keys: ["q"], shown: "Q", group: "Write", text: "quantise", act: ({ studio }) => void actions.quantise(studio) },
  { keys: ["l"], shown: "L", group: "Write", text: "lock or unlock", act: ({ studio }) => void actions.lock(studio) },
  { keys: ["v", "b"], shown: "V, B", group: "Write", text: "tools: select, draw", act: ({ studio }, key) => {
    studio.tool = key === "v" ? "select" : "draw";
    studio.tell("settings");
  } },

  { keys: [",", ".", "<", ">", "Shift+<", "Shift+>"], shown: ", and .", group: "Select", text: "the note before, the note after (with Shift: add it)", act: ({ studio, view }, key) => {
    const sign = key.at(-1) ?? "";
    actions.selectNext(studio, sign === "," || sign === "<" ? -1 : 1, sign === "<" || sign === ">");
    view.reveal(studio.cursor.tick, studio.cursor.pitch);
  } },
  { keys: ["Ctrl+a"], shown: "Ctrl+A", group: "Select", text: "all notes", act: ({ studio }) => actions.selectAll(studio) },
  { keys: ["Escape"], shown: "Escape", group: "Select", text: "nothing; then no region", act: ({ studio }) => {
    if (studio.selection.size) studio.select([]);
    else studio.choose(null);
  } },
  { keys: ["Ctrl+c"], shown: "Ctrl+C", group: "Select", text: "copy", act: ({ studio }) => actions.copy(studio) },
  { keys: ["Ctrl+x"], shown: "Ctrl+X", group: "Select", text: "cut", act: ({ studio }) => void actions.cut(studio) },
  { keys: ["Ctrl+v"], shown: "Ctrl+V", group: "Select", text: "paste at the cursor", act: ({ studio }) => void actions.paste(studio) },
  { keys: ["Ctrl+d"], shown: "Ctrl+D", group: "Select", text: "copy to right behind", act: ({ studio }) => void actions.duplicate(studio) },
  { keys: ["Ctrl+z"], shown: "Ctrl+Z", group: "Select", text: "undo", anywhere: true, act: ({ studio }) => void studio.ask({ do: "undo" }) },
  { keys: ["Ctrl+Shift+z", "Ctrl+y"], shown: "Ctrl+Shift+Z", group: "Select", text: "redo", anywhere: true, act: ({ studio }) => void studio.ask({ do: "redo" }) },
  { keys: ["[", "]"], shown: "[ and ]", group: "Together", text: "the region begins, ends at the cursor", act: ({ studio }, key) => actions.regionFrom(studio, key === "[" ? "begin" : "stop") },
  { keys: ["r"], shown: "R", group: "Together", text: "a region around the selected notes, or this bar", act: ({ studio }) => actions.regionHere(studio) },
  { keys: ["g"], shown: "G", group: "Together", text: "go on from the cursor", act: ({ together }) => void together.goOn() },
  { keys: ["m"], shown: "M", group: "Together", text: "make the region anew", act: ({ together }) => void together.remake() },
  { keys: [..."012345678"], shown: "1 … 8", group: "Together", text: "listen to a take (0: what was there)", act: ({ together }, key) => together.listen(Number(key.at(-1)) - 1) },
  { keys: ["t"], shown: "T", group: "Together", text: "take the one that is shown", act: ({ together }) => void together.take() },
  { keys: ["s"], shown: "S", group: "Together", text: "stop the model; what came stays", act: ({ studio }) => void studio.ask({ do: "stop" }) },

  { keys: ["+", "=", "Shift++"], shown: "+", group: "See", text: "nearer", act: ({ studio, view }) => view.zoom(1.4, view.x(studio.cursor.tick)) },
  { keys: ["-"], shown: "−", group: "See", text: "farther", act: ({ studio, view }) => view.zoom(1 / 1.4, view.x(studio.cursor.tick)) },
  { keys: ["f"], shown: "F", group: "See", text: "all", act: ({ showAll }) => showAll() },
  { keys: ["c"], shown: "C", group: "See", text: "colours: who wrote it, track, surprise", act: ({ studio }) => {
    const kinds = /** @type {const} */ (["author", "track", "surprise"]);
    studio.colourBy = kinds[(kinds.indexOf(studio.colourBy) + 1) % kinds.length];
    studio.tell("settings");
  } },
  { keys: ["Shift+PageUp", "Shift+PageDown"], shown: "Shift+Page up, down", group: "See", text: "the track above, below", act: otherTrack },
  { keys: ["?", "Shift+?", "F1"], shown: "?", group: "See", text: "these keys", anywhere: true, act: ({ help }) => help() },
];

/**
 * Listen to the keys of the page.
 *
 * @param {App} app
 * @param {HTMLElement} roll
 */
export function listenToKeys(app, roll) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (document.querySelector("dialog[open]")) return;
    const name = nameOf(event);
    const key = KEYS.find(({ keys }) => keys.includes(name));
    if (!key) return;
    if (!roll.contains(target)) {
      if (!key.anywhere || target.closest(TYPING)) return;
      if (name === " " && target.closest(PRESSED)) return;
    }
    event.preventDefault();
    key.act(app, name);
  });
  // Who clicks a button with the mouse goes on with keys in the roll, where Space plays; who presses
  // it by key (such a click has no number) stays there.
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (button && event.detail > 0 && document.activeElement === button) roll.focus({ preventScroll: true });
  });
}

/** @param {KeyboardEvent} event */
function nameOf(event) {
  const { key } = event;
  const letter = key.length === 1 ? key.toLowerCase() : key;
  const ctrl = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return `${ctrl}${event.altKey ? "Alt+" : ""}${event.shiftKey ? "Shift+" : ""}${letter}`;
}

/**
 * @param {Pick<App, "studio" | "view" | "transport">} app
 * @param {string} key
 * @param {number} times
 */
function arrow({ studio, view, transport }, key, times = 1) {
  const [steps, pitches] = ARROWS[key];
  const ticks = steps * studio.step;
  const notes = studio.selected();
  if (notes.length) {
    void actions.editSelected(studio, { kind: "move", ticks, pitches: pitches * times });
    if (pitches && notes.length === 1) void transport.sound({ ...notes[0], pitch: notes[0].pitch + pitches * times });
    return;
  }
  const { tick, pitch } = studio.cursor;
  const to = steps ? studio.snapped(tick + ticks, steps > 0 ? Math.floor : Math.ceil) : tick;
  transport.seek(to === tick ? tick + ticks : to, pitch + pitches * times);
  view.reveal(studio.cursor.tick, studio.cursor.pitch);
}

/**
 * @param {App} app
 * @param {string} key
 */
function longer({ studio }, key) {
  const way = key.endsWith("Right") ? 1 : -1;
  if (studio.selection.size) void actions.editSelected(studio, { kind: "resize", ticks: way * studio.step });
  else {
    studio.length = Math.max(studio.step, (studio.length || studio.step) + way * studio.step);
    studio.tell("cursor");
  }
}

/**
 * @param {App} app
 * @param {string} key
 */
function louder({ studio }, key) {
  void actions.editSelected(studio, { kind: "velocity", by: key.endsWith("Up") ? 8 : -8 });
}

/**
 * @param {App} app
 * @param {string} key
 */
function byBar({ studio, transport, view }, key) {
  const { time } = studio.piece;
  const { tick } = studio.cursor;
  const bar = time.bar(tick);
  const back = tick > time.beginOf(bar) ? bar : Math.max(0, bar - 1);
  goTo({ transport, view }, time.beginOf(key === "PageUp" ? back : bar + 1));
}

/**
 * Go to a place, and show it.
 *
 * @param {Pick<App, "transport" | "view">} app
 * @param {number} tick
 */
function goTo({ transport, view }, tick) {
  transport.seek(tick);
  view.reveal(tick);
}

/**
 * @param {App} app
 * @param {string} key
 */
function otherTrack({ studio }, key) {
  const { tracks } = studio.piece;
  const at = tracks.findIndex((track) => track.id === studio.track) + (key.endsWith("Up") ? -1 : 1);
  if (!tracks[at]) return;
  studio.track = tracks[at].id;
  studio.tell("mix");
}

/**
 * @param {App["studio"]} studio
 * @param {"loop" | "metronome"} what
 */
function flip(studio, what) {
  studio[what] = !studio[what];
  studio.tell("settings");
}
