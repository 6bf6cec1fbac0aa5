/**
 * The two bars at the top: playing, tools, grid, colours, undo; light and dark.
 */

import * as actions from "../actions.js";
import { byId } from "../dom.js";
import { clock } from "../roll/lines.js";

/** @import { App } from "../main.js" */

/** Grids: a part of a whole note and its name. @type {[number, string][]} */
const GRIDS = [
  [1, "1/1"], [2, "1/2"], [4, "1/4"], [8, "1/8"], [16, "1/16"], [32, "1/32"],
  [6, "1/4 triplet"], [12, "1/8 triplet"], [24, "1/16 triplet"], [0, "none"],
];

const button = (/** @type {string} */ id) => byId(id, HTMLButtonElement);
const input = (/** @type {string} */ id) => byId(id, HTMLInputElement);
const select = (/** @type {string} */ id) => byId(id, HTMLSelectElement);

/** @param {App} app */
export function makeToolbar(app) {
  makePlaying(app);
  makeTime(app);
  makeTools(app);
  makeUndo(app);
  makeTheme(app);
  const model = byId("model", HTMLElement);
  app.studio.on("model", () => {
    const { state, name, text } = app.studio.model;
    const words = { loading: "Loading the model …", ready: `Model: ${name}`, none: "No model", failed: "The model failed to load" };
    model.textContent = words[/** @type {keyof typeof words} */ (state)] ?? state;
    model.title = text;
    model.dataset.state = state;
  });
}

/** @param {App} app */
function makePlaying({ studio, transport, midi }) {
  button("rewind").addEventListener("click", () => transport.seek(0));
  button("play").addEventListener("click", () => void transport.toggle());
  button("record").addEventListener("click", async () => {
    try {
      await (midi.recording ? midi.stopRecording() : midi.record());
    } catch (error) {
      studio.say(/** @type {Error} */ (error).message, "trouble");
    }
  });
  midi.addEventListener("recording", () => {
    button("record").setAttribute("aria-pressed", String(midi.recording));
  });
  for (const what of /** @type {const} */ (["loop", "metronome"])) {
    const toggle = button(what);
    toggle.addEventListener("click", () => {
      studio[what] = !studio[what];
      studio.tell("settings");
    });
    studio.on("settings", () => toggle.setAttribute("aria-pressed", String(studio[what])));
  }
  transport.addEventListener("state", () => {
    const play = button("play");
    play.classList.toggle("playing", transport.playing);
    play.setAttribute("aria-label", transport.playing ? "Pause" : "Play");
  });
}

/** @param {App} app */
function makeTime({ studio, transport }) {
  const position = byId("position", HTMLElement);
  const show = () => {
    const { time } = studio.piece;
    const { bar, beat } = time.place(transport.tick);
    const text = studio.unit === "bars" ? `${bar}.${beat}` : clock(Math.floor(time.seconds(transport.tick) * 10) / 10);
    if (position.textContent !== text) position.textContent = text;
  };
  transport.addEventListener("time", show);
  studio.on("cursor changed settings piece", show);
  button("unit").addEventListener("click", () => {
    studio.unit = studio.unit === "bars" ? "seconds" : "bars";
    button("unit").textContent = studio.unit === "bars" ? "Bars" : "Seconds";
    studio.tell("settings");
  });
  const [bpm, metre] = [input("bpm"), input("metre")];
  studio.on("cursor changed piece", () => {
    const { time } = studio.piece;
    if (document.activeElement !== bpm) bpm.value = String(Math.round(time.bpm(studio.cursor.tick) * 10) / 10);
    const { numerator, denominator } = time.metre(studio.cursor.tick);
    if (document.activeElement !== metre) metre.value = `${numerator}/${denominator}`;
  });
  bpm.addEventListener("change", () => {
    const { tick } = studio.piece.tempos.findLast((each) => each.tick <= studio.cursor.tick) ?? { tick: 0 };
    void studio.edit({ kind: "tempo", tick, bpm: Number(bpm.value) });
  });
  metre.addEventListener("change", () => {
    const [numerator, denominator] = metre.value.split("/").map(Number);
    const { tick } = studio.piece.time.metre(studio.cursor.tick);
    void studio.edit({ kind: "time_signature", tick, numerator, denominator });
  });
}

/** @param {App} app */
function makeTools({ studio, view, showAll }) {
  for (const tool of /** @type {const} */ (["select", "draw"])) {
    const radio = button(`tool-${tool}`);
    const other = button(tool === "select" ? "tool-draw" : "tool-select");
    radio.addEventListener("click", () => {
      studio.tool = tool;
      studio.tell("settings");
    });
    radio.addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      other.click();
      other.focus();
    });
    studio.on("settings", () => {
      radio.setAttribute("aria-checked", String(studio.tool === tool));
      radio.tabIndex = studio.tool === tool ? 0 : -1;
    });
  }
  const grid = select("grid");
  grid.replaceChildren(...GRIDS.map(([part, name]) => new Option(name, String(part), part === 8, part === 8)));
  const setGrid = () => {
    const part = Number(grid.value);
    studio.grid = part ? (studio.piece.ticksPerBeat * 4) / part : 0;
    studio.length = 0;
    studio.tell("settings");
  };
  grid.addEventListener("change", setGrid);
  studio.on("piece", setGrid);
  button("quantise").addEventListener("click", () => void actions.quantise(studio));
  button("lock").addEventListener("click", () => void actions.lock(studio));
  const colourBy = select("colour-by");
  colourBy.addEventListener("change", () => {
    studio.colourBy = /** @type {typeof studio.colourBy} */ (colourBy.value);
    studio.tell("settings");
  });
  studio.on("settings", () => {
    colourBy.value = studio.colourBy;
  });
  button("zoom-in").addEventListener("click", () => view.zoom(1.4));
  button("zoom-out").addEventListener("click", () => view.zoom(1 / 1.4));
  button("zoom-fit").addEventListener("click", showAll);
}

/** @param {App} app */
function makeUndo({ studio }) {
  button("undo").addEventListener("click", () => void studio.ask({ do: "undo" }));
  button("redo").addEventListener("click", () => void studio.ask({ do: "redo" }));
  studio.on("changed", () => {
    button("undo").disabled = !studio.piece.canUndo;
    button("redo").disabled = !studio.piece.canRedo;
  });
}

/** @param {App} app */
function makeTheme({ colours }) {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    root.dataset.theme = localStorage.getItem("theme") ?? (system.matches ? "dark" : "light");
    colours.read();
  };
  show();
  system.addEventListener("change", show);
  button("theme").addEventListener("click", () => {
    localStorage.setItem("theme", root.dataset.theme === "dark" ? "light" : "dark");
    show();
  });
}
