/**
 * What Python wrote into the page, as JSON in blocks that no browser runs.
 */

import { Studio } from "./sounds.js";

/**
 * @param {string} id of a block
 * @returns {any}
 */
export function pageData(id) {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}

/**
 * The studio of this page, made when it is first asked for.
 *
 * @returns {() => Studio}
 */
export function studioOfPage() {
  /** @type {Studio | undefined} */
  let studio;
  return () => (studio ??= new Studio(pageData("recordings")));
}
