/**
 * The page of the studio: puts its parts together.
 */

import { byId } from "./dom.js";
import { hearServer } from "./hearing.js";
import { listenToKeys } from "./keys.js";
import { Link } from "./link.js";
import { makeBeside } from "./panels/beside.js";
import { makeFiles } from "./panels/files.js";
import { makeHelp, makeHints } from "./panels/help.js";
import { makeHistory } from "./panels/history.js";
import { makeMidiPanel } from "./panels/midi_panel.js";
import { makeNoteList } from "./panels/note_list.js";
import { makeTabs } from "./panels/tabs.js";
import { Together } from "./panels/together.js";
import { makeToolbar } from "./panels/toolbar.js";
import { makeTracks } from "./panels/tracks.js";
import { makeWriting } from "./panels/writing.js";
import { Colours } from "./roll/colours.js";
import { Lanes } from "./roll/lanes.js";
import { listenToPointer } from "./roll/pointer.js";
import { Roll } from "./roll/roll.js";
import { View } from "./roll/view.js";
import { Midi } from "./sound/midi.js";
import { Transport } from "./sound/transport.js";
import { Studio } from "./studio.js";

const SAID = 6000; // milliseconds that a message stays

/**
 * The parts of the page that know each other.
 *
 * @typedef {object} Parts
 * @property {Studio} studio
 * @property {View} view
 * @property {Colours} colours
 * @property {Transport} transport
 * @property {Midi} midi
 * @property {() => void} showAll
 * @property {() => void} help
 */

/** All of them. @typedef {Parts & { together: Together }} App */

const studio = new Studio(new Link());
const view = new View();
const colours = new Colours();
const transport = new Transport(studio);
const midi = new Midi(studio, transport);

/** Show the whole piece. */
function showAll() {
  let [low, high] = [127, 0];
  for (const { pitch } of studio.piece.notes.values()) {
    low = Math.min(low, pitch);
    high = Math.max(high, pitch);
  }
  if (low > high) [low, high] = [48, 79];
  view.fit(0, Math.max(studio.end, studio.piece.ticksPerBeat * 16), low, high);
}

/** @type {Parts} */
const parts = { studio, view, colours, transport, midi, showAll, help: makeHelp() };
/** @type {App} */
export const app = { ...parts, together: new Together(parts) };
const rollElement = byId("roll", HTMLElement);
export const roll = new Roll(rollElement, studio, view, colours, transport);
export const lanes = new Lanes(byId("lanes", HTMLElement), studio, view, colours, transport);

/** Say what there is to say, at the bottom and to screen readers. */
function makeSaid() {
  const said = byId("said", HTMLElement);
  let timer = 0;
  studio.addEventListener("say", (event) => {
    const { text, kind } = /** @type {CustomEvent} */ (event).detail;
    said.textContent = text;
    said.dataset.kind = kind;
    said.classList.add("shown");
    clearTimeout(timer);
    timer = window.setTimeout(() => said.classList.remove("shown"), SAID);
  });
}

/** Keep the surprise of notes as it is now, while they are coloured by it. */
function followSurprise() {
  let head = -1;
  studio.on("settings changed model", () => {
    if (studio.colourBy !== "surprise" || studio.model.state !== "ready" || head === studio.piece.head) return;
    head = studio.piece.head;
    void studio.ask({ do: "surprise" });
  });
}

/** Show a piece as a whole when it is opened, and when music comes into one that was empty. */
function followBeginning() {
  let empty = true;
  studio.on("piece", () => {
    empty = !studio.piece.notes.size;
    view.end = studio.piece.end;
    showAll();
  });
  studio.on("changed", () => {
    if (empty && studio.piece.notes.size > 8) showAll();
    if (studio.piece.notes.size) empty = false;
  });
}

/** Scroll so that the pitches are seen that the model goes on with. */
function followWriting() {
  studio.on("preview", () => {
    const { making } = studio;
    if (making?.kind !== "go_on" || !making.notes.length) return;
    let [low, high] = [127, 0];
    for (const { pitch } of making.notes) {
      low = Math.min(low, pitch);
      high = Math.max(high, pitch);
    }
    view.cover(low, high);
  });
}

makeSaid();
hearServer(studio);
makeToolbar(app);
makeWriting(app);
makeFiles(app);
makeTracks(app);
makeBeside(app);
makeHistory(app);
makeNoteList(app);
makeMidiPanel(app);
makeTabs(/** @type {HTMLElement} */ (document.querySelector("[role=tablist]")));
listenToPointer(roll);
listenToKeys(app, rollElement);
followSurprise();
followBeginning();
followWriting();
studio.link.addEventListener("close", () => studio.say("The studio does not answer; trying again …", "trouble"));
studio.link.connect();
studio.tell("settings", "model", "cursor", "region");
makeHints();
