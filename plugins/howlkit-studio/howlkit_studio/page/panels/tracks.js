/**
 * The heads of the tracks, beside their lanes: name, instrument, mute, solo, order.
 */

import { addTrack } from "../actions.js";
import { byId, fill, make } from "../dom.js";
import { PROGRAMS, trackName } from "../music/names.js";
import { TRACKS } from "../roll/colours.js";

/** @import { App } from "../main.js" */
/** @import { Track } from "../protocol.js" */

/** @param {App} app */
export function makeTracks(app) {
  const { studio } = app;
  const list = byId("tracks", HTMLUListElement);
  byId("add-track", HTMLButtonElement).addEventListener("click", () => void addTrack(studio));
  /** @type {Track[]} */
  let shown = [];
  const draw = () => {
    shown = studio.piece.tracks;
    list.replaceChildren(...shown.map((track, at) => head(app, track, at)));
    mark(app, list);
  };
  studio.on("piece changed", () => {
    // Only if tracks have changed: who writes into a name keeps the focus.
    if (studio.piece.tracks !== shown) draw();
  });
  studio.on("mix", () => mark(app, list));
}

/**
 * @param {App} app
 * @param {Track} track
 * @param {number} at
 */
function head(app, track, at) {
  const { studio } = app;
  const name = trackName(track);
  const activate = make("button", {
    class: `swatch track-${at % TRACKS}`,
    "aria-label": `Write on ${name}`,
    title: "Write on this track",
    onclick: () => {
      studio.track = track.id;
      studio.tell("mix");
    },
  });
  const write = make("input", {
    value: name, class: "track-name", "aria-label": `Name of track ${at + 1}`, maxlength: 100, spellcheck: false,
    onchange: (/** @type {Event} */ event) =>
      void studio.edit({ kind: "track_change", track: track.id, name: /** @type {HTMLInputElement} */ (event.target).value }),
  });
  return make("li", { "data-track": track.id }, activate, write, flag(app, track, "muted", "M", "Mute"), flag(app, track, "solo", "S", "Solo"), more(app, track, at));
}

/**
 * @param {App} app
 * @param {Track} track
 * @param {"muted" | "solo"} what
 * @param {string} text
 * @param {string} label
 */
function flag({ studio }, track, what, text, label) {
  const onclick = () => {
    if (!studio[what].delete(track.id)) studio[what].add(track.id);
    studio.tell("mix");
  };
  return make("button", { class: `flag ${what}`, text, title: label, "aria-label": `${label} ${trackName(track)}`, "aria-pressed": false, onclick });
}

/**
 * The instrument, the order, and the end of a track.
 *
 * @param {App} app
 * @param {Track} track
 * @param {number} at
 */
function more({ studio }, track, at) {
  const instrument = make("select", {
    "aria-label": `Instrument of ${trackName(track)}`,
    onchange: () => void studio.edit({ kind: "track_change", track: track.id, program: Number(instrument.value) }),
  });
  fill(instrument, PROGRAMS.map((name, program) => [program, name]), track.program);
  const move = (/** @type {number} */ by) => {
    const tracks = studio.piece.tracks.map(({ id }) => id);
    [tracks[at], tracks[at + by]] = [tracks[at + by], tracks[at]];
    void studio.edit({ kind: "track_order", tracks });
  };
  const last = studio.piece.tracks.length - 1;
  const menu = make(
    "details",
    { class: "menu more" },
    make("summary", { "aria-label": `More of ${trackName(track)}`, title: "Instrument, order", text: "⋯" }),
    make(
      "div",
      { class: "sheet" },
      make("label", {}, "Instrument ", instrument),
      make("button", { text: "Move up", disabled: at === 0, onclick: () => move(-1) }),
      make("button", { text: "Move down", disabled: at === last, onclick: () => move(1) }),
      make("button", { text: "Remove, with its notes", onclick: () => void studio.edit({ kind: "track_remove", track: track.id }) }),
    ),
  );
  menu.addEventListener("toggle", () => {
    const sheet = /** @type {HTMLElement} */ (menu.lastElementChild);
    const { left, bottom } = menu.getBoundingClientRect();
    sheet.style.left = `${left}px`;
    sheet.style.top = `${bottom}px`;
  });
  document.addEventListener("pointerdown", (event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") menu.open = false;
  });
  return menu;
}

/**
 * Show which track is written on, and which are silent.
 *
 * @param {App} app
 * @param {HTMLElement} list
 */
function mark({ studio }, list) {
  for (const item of list.querySelectorAll("li")) {
    const id = Number(item.dataset.track);
    item.classList.toggle("active", id === studio.track);
    item.classList.toggle("silent", !studio.audible(id));
    item.querySelector(".swatch")?.setAttribute("aria-pressed", String(id === studio.track));
    item.querySelector(".muted")?.setAttribute("aria-pressed", String(studio.muted.has(id)));
    item.querySelector(".solo")?.setAttribute("aria-pressed", String(studio.solo.has(id)));
  }
}
