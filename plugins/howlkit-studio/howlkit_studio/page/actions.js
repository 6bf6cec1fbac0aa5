/**
 * What a person does to notes, whichever key, button or menu says so.
 */

/** @import { Note } from "./protocol.js" */
/** @import { Studio } from "./studio.js" */

const COLUMNS = /** @type {const} */ (["start", "duration", "pitch", "velocity", "track"]);

/** Notes that were copied, from the first of them on. @type {{ notes: Note[], from: number }} */
const clipboard = { notes: [], from: 0 };

/**
 * @param {Studio} studio
 * @param {{ start: number, duration: number, pitch: number, velocity: number, track: number }[]} notes
 */
export function addNotes(studio, notes) {
  /** @type {{ [column: string]: number[] }} */
  const table = {};
  for (const column of COLUMNS) table[column] = notes.map((note) => note[column]);
  return studio.edit({ kind: "add", notes: table });
}

/**
 * Write a note at the cursor, and go on behind it.
 *
 * @param {Studio} studio
 */
export async function writeNote(studio) {
  const { tick, pitch } = studio.cursor;
  if (!(await haveTrack(studio))) return;
  const duration = studio.length || studio.step;
  const note = { start: tick, duration, pitch, velocity: studio.velocity, track: studio.track };
  studio.show({ hidden: new Set(), notes: [{ ...note, id: 0, by: 0, locked: 0 }] });
  if (!(await addNotes(studio, [note]))) studio.show(null);
  studio.go(tick + duration);
  studio.select([]);
}

/**
 * Add a track if there is none to write on.
 *
 * @param {Studio} studio
 */
export async function haveTrack(studio) {
  if (!studio.piece.tracks.length) await addTrack(studio);
  return studio.track > 0;
}

/** @param {Studio} studio */
export async function addTrack(studio) {
  const known = new Set(studio.piece.tracks.map((track) => track.id));
  await studio.edit({ kind: "track_add", name: "Piano", program: 0 });
  const added = studio.piece.tracks.find((track) => !known.has(track.id));
  if (added) studio.track = added.id;
  studio.tell("mix");
}

/**
 * Edit the selected notes, if there are some.
 *
 * @param {Studio} studio
 * @param {{ kind: string, [name: string]: unknown }} edit
 */
export async function editSelected(studio, edit) {
  if (!studio.selection.size) return null;
  const ids = [...studio.selection];
  const expected = foreseen(studio, edit);
  if (expected) studio.show({ hidden: new Set(ids), notes: expected });
  const answer = await studio.edit({ ...edit, ids });
  if (expected && studio.preview?.notes === expected) studio.show(null);
  return answer;
}

/**
 * The selected notes as an edit will leave them, so that they are seen before the server answers;
 * null for an edit that is better waited for.
 *
 * @param {Studio} studio
 * @param {{ kind: string, [name: string]: unknown }} edit
 * @returns {Note[] | null}
 */
function foreseen(studio, edit) {
  const notes = expectedNotes(studio);
  const by = (/** @type {string} */ name) => Number(edit[name] ?? 0);
  const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
    Math.min(high, Math.max(low, value));
  if (edit.kind === "remove") return [];
  if (edit.kind === "resize") {
    return notes.map((note) => ({ ...note, duration: Math.max(1, note.duration + by("ticks")) }));
  }
  if (edit.kind === "velocity") {
    return notes.map((note) => ({ ...note, velocity: within(note.velocity + by("by"), 1, 127) }));
  }
  if (edit.kind !== "move") return null;
  return notes.map((note) => ({
    ...note,
    start: Math.max(0, note.start + by("ticks")),
    pitch: within(note.pitch + by("pitches"), 0, 127),
  }));
}

/**
 * The selected notes as they are shown: as an edit leaves them that is not answered yet, if there
 * is one.
 *
 * @param {Studio} studio
 * @returns {Note[]}
 */
function expectedNotes(studio) {
  const shown = /** @type {Note[]} */ (studio.preview?.notes ?? []);
  const all = shown.length === studio.selection.size && shown.every(({ id }) => studio.selection.has(id));
  return all ? shown : studio.selected();
}

/** @param {Studio} studio */
export function removeSelected(studio) {
  return editSelected(studio, { kind: "remove" });
}

/** @param {Studio} studio */
export function quantise(studio) {
  if (!studio.grid) {
    studio.say("Choose a grid to quantise to.");
    return Promise.resolve(null);
  }
  const ids = studio.selection.size ? [...studio.selection] : free(studio);
  return ids.length ? studio.edit({ kind: "quantise", ids, grid: studio.grid }) : Promise.resolve(null);
}

/**
 * Lock the selected notes; unlock them if all are locked.
 *
 * @param {Studio} studio
 */
export function lock(studio) {
  const locked = !studio.selected().every((note) => note.locked);
  return editSelected(studio, { kind: "lock", locked });
}

/** @param {Studio} studio */
export function copy(studio) {
  const notes = studio.selected();
  if (!notes.length) return;
  clipboard.notes = notes.map((note) => ({ ...note }));
  clipboard.from = studio.snapped(notes[0].start, Math.floor);
  studio.say(`${count(notes.length, "note")} copied.`);
}

/** @param {Studio} studio */
export async function cut(studio) {
  copy(studio);
  await removeSelected(studio);
}

/**
 * Put what was copied at the cursor, on its tracks, where these are still there.
 *
 * @param {Studio} studio
 */
export async function paste(studio) {
  if (!clipboard.notes.length || !(await haveTrack(studio))) return;
  const moved = studio.cursor.tick - clipboard.from;
  const notes = clipboard.notes.map((note) => ({
    ...note,
    start: Math.max(0, note.start + moved),
    track: studio.piece.track(note.track) ? note.track : studio.track,
  }));
  if (await addNotes(studio, notes)) {
    studio.go(studio.snapped(Math.max(...notes.map((note) => note.start + note.duration)), Math.ceil));
  }
}

/**
 * Copy the selected notes to right behind them.
 *
 * @param {Studio} studio
 */
export function duplicate(studio) {
  const notes = studio.selected();
  if (!notes.length) return Promise.resolve(null);
  const begin = studio.snapped(notes[0].start, Math.floor);
  const stop = studio.snapped(Math.max(...notes.map((note) => note.start + note.duration)), Math.ceil);
  return editSelected(studio, { kind: "copy", ticks: stop - begin, pitches: 0 });
}

/** @param {Studio} studio */
export function selectAll(studio) {
  studio.select(studio.piece.notes.keys());
}

/**
 * Select the note after (or before) the selected one, on the track that is active.
 *
 * @param {Studio} studio
 * @param {1 | -1} way
 * @param {boolean} more keep what is selected
 */
export function selectNext(studio, way, more) {
  const notes = [...studio.piece.notes.values()]
    .filter((note) => note.track === studio.track)
    .sort(inOrder);
  const last = studio.selected().at(way > 0 ? -1 : 0);
  const at = last
    ? notes.indexOf(last) + way
    : way > 0
      ? notes.findIndex((note) => note.start >= studio.cursor.tick)
      : notes.findLastIndex((note) => note.start < studio.cursor.tick);
  const next = notes[at];
  if (!next) return;
  studio.select(more ? [...studio.selection, next.id] : [next.id]);
  studio.go(next.start, next.pitch);
}

/**
 * The region that surrounds the selected notes, as whole beats; else the bar at the cursor.
 *
 * @param {Studio} studio
 */
export function regionHere(studio) {
  const { time, ticksPerBeat } = studio.piece;
  const notes = studio.selected();
  if (!notes.length) {
    const bar = time.bar(studio.cursor.tick);
    studio.choose({ begin: time.beginOf(bar), stop: time.beginOf(bar + 1), tracks: new Set([studio.track]) });
    return;
  }
  const end = Math.max(...notes.map((note) => note.start + note.duration));
  studio.choose({
    begin: Math.floor(notes[0].start / ticksPerBeat) * ticksPerBeat,
    stop: Math.ceil(end / ticksPerBeat) * ticksPerBeat,
    tracks: new Set(notes.map((note) => note.track)),
  });
}

/**
 * Let the region begin, or end, at the cursor.
 *
 * @param {Studio} studio
 * @param {"begin" | "stop"} side
 */
export function regionFrom(studio, side) {
  const { tick } = studio.cursor;
  const bar = studio.piece.time.metre(tick).bars;
  const old = studio.region ?? { begin: tick, stop: tick + bar, tracks: new Set([studio.track]) };
  const region = { ...old, [side]: tick };
  if (region.stop <= region.begin) {
    if (side === "begin") region.stop = tick + bar;
    else region.begin = Math.max(0, tick - bar);
  }
  studio.choose(region);
}

/**
 * @param {number} many
 * @param {string} what
 */
export function count(many, what) {
  return `${many.toLocaleString("en")} ${what}${many === 1 ? "" : "s"}`;
}

/** @param {Studio} studio */
function free(studio) {
  return [...studio.piece.notes.values()].filter((note) => !note.locked).map((note) => note.id);
}

/**
 * @param {Note} one
 * @param {Note} other
 */
function inOrder(one, other) {
  return one.start - other.start || one.pitch - other.pitch;
}
