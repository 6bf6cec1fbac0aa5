/**
 * A slider that shows and sets the position of a player, by mouse, finger and keys.
 */

import { positionText } from "./time_text.js";

/** @import { Player } from "./player.js" */

const STEPS = new Map([
  ["ArrowLeft", -5],
  ["ArrowRight", 5],
  ["ArrowDown", -1],
  ["ArrowUp", 1],
  ["PageDown", -15],
  ["PageUp", 15],
  ["Home", -Infinity],
  ["End", Infinity],
]);

/**
 * The seconds that a key moves a player by.
 *
 * @param {string} key
 * @returns {number | undefined}
 */
export function stepOf(key) {
  return STEPS.get(key);
}

/**
 * Make an element the slider of a player.
 *
 * @param {HTMLElement} element
 * @param {Player} player
 * @param {(x: number) => number} secondsAt of a place in the window, in pixels
 */
export function makeTimeline(element, player, secondsAt) {
  const { seconds } = player;
  element.setAttribute("role", "slider");
  element.tabIndex = 0;
  element.setAttribute("aria-valuemin", "0");
  element.setAttribute("aria-valuemax", seconds.toFixed(0));
  const show = () => {
    const now = player.position.toFixed(0);
    if (element.getAttribute("aria-valuenow") === now) return;
    element.setAttribute("aria-valuenow", now);
    element.setAttribute("aria-valuetext", positionText(player.position, seconds));
  };
  player.addEventListener("time", show);
  show();
  element.addEventListener("keydown", (event) => {
    const step = stepOf(event.key);
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    player.seek(player.position + step);
  });
  element.addEventListener("click", (event) => player.seek(secondsAt(event.clientX)));
}
