/**
 * The keys of a whole page: space plays and pauses, arrows go back and forth.
 */

import { stepOf } from "./timeline.js";

/** @import { Player } from "./player.js" */

const OWN_KEYS = "button, input, textarea, select, summary, a, [contenteditable]";

/**
 * Give keys to the player that was used last, where no control has the focus that needs them.
 *
 * @param {() => Player | undefined} current
 */
export function listenToKeys(current) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    const player = current();
    if (!player || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " ") {
      if (target.closest(OWN_KEYS)) return;
      event.preventDefault();
      player.toggle();
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      if (target.closest("input, textarea, select")) return;
      event.preventDefault();
      player.seek(player.position + Number(stepOf(event.key)));
    }
  });
}
