/**
 * A piece on a page: its button, its clock and its piano-roll, around a player.
 */

import { Player } from "./player.js";
import { Roll } from "./roll.js";
import { FileSound, InstrumentSound } from "./sounds.js";
import { clock } from "./time_text.js";
import { makeTimeline } from "./timeline.js";

/** @import { StoredRoll } from "./roll.js" */
/** @import { Sound, StoredVoices, Studio } from "./sounds.js" */

/**
 * What a page holds of a piece.
 *
 * @typedef {object} StoredPiece
 * @property {number} seconds
 * @property {StoredVoices} [voices] if instruments play it
 * @property {{ type: string, data: string }} [file] if it is a sound file
 * @property {StoredRoll} [roll]
 */

/**
 * The sound of a piece.
 *
 * @param {StoredPiece} piece
 * @param {() => Studio} studio
 * @returns {Sound}
 */
export function soundOf(piece, studio) {
  if (piece.voices) return new InstrumentSound(studio, piece.voices, piece.seconds);
  const file = /** @type {{ type: string, data: string }} */ (piece.file);
  return new FileSound(file.data, file.type, piece.seconds);
}

/**
 * Make the controls in an element work: .play, .clock and .timeline.
 *
 * @param {Element} element
 * @param {StoredPiece} piece
 * @param {() => Studio} studio
 * @returns {Player}
 */
export function makePlayer(element, piece, studio) {
  const player = new Player(soundOf(piece, studio));
  const button = /** @type {HTMLButtonElement} */ (element.querySelector(".play"));
  const shown = /** @type {HTMLElement} */ (element.querySelector(".clock"));
  const timeline = /** @type {HTMLElement} */ (element.querySelector(".timeline"));
  const name = button.getAttribute("aria-label")?.replace(/^Play /, "") ?? "";
  button.disabled = false;
  button.addEventListener("click", () => player.toggle());
  player.addEventListener("state", () => {
    button.classList.toggle("playing", player.playing);
    button.setAttribute("aria-label", `${player.playing ? "Pause" : "Play"} ${name}`);
  });
  player.addEventListener("time", () => {
    shown.textContent = `${clock(player.position)} / ${clock(player.seconds)}`;
  });
  if (piece.roll) {
    const roll = new Roll(timeline, piece.roll, piece.seconds);
    makeTimeline(timeline, player, (x) => roll.secondsAt(x));
    player.addEventListener("time", () => roll.show(player.position));
  } else {
    const done = /** @type {HTMLElement} */ (timeline.querySelector(".done"));
    makeTimeline(timeline, player, (x) => fractionAt(timeline, x) * player.seconds);
    player.addEventListener("time", () => {
      done.style.width = `${(100 * player.position) / player.seconds}%`;
    });
  }
  player.tell("time");
  return player;
}

/**
 * @param {HTMLElement} element
 * @param {number} x pixels from the left of the window
 */
function fractionAt(element, x) {
  const { left, width } = element.getBoundingClientRect();
  return (x - left) / width;
}
