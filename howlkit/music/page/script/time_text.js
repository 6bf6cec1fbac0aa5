/**
 * Seconds as people read them on a player.
 *
 * @param {number} seconds 0 or more
 * @returns {string} minutes and seconds, "1:05"
 */
export function clock(seconds) {
  const whole = Math.floor(seconds + 1e-3);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/**
 * A position for a screen reader.
 *
 * @param {number} position seconds
 * @param {number} seconds the whole length
 * @returns {string} "0:12 of 0:30"
 */
export function positionText(position, seconds) {
  return `${clock(Math.min(position, seconds))} of ${clock(seconds)}`;
}
