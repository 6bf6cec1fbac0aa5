/**
 * What the model writes just now, and the button that stops it: both are always there, so that a
 * click never meets a button that has been replaced; they are shown while something is made.
 */

import { count } from "../actions.js";
import { byId } from "../dom.js";

/** @import { Parts } from "../main.js" */

/** @param {Parts} app */
export function makeWriting({ studio }) {
  const writing = byId("writing", HTMLElement);
  const words = byId("written", HTMLElement);
  const model = byId("model", HTMLElement);
  const stop = byId("stop", HTMLButtonElement);
  stop.addEventListener("click", () => void studio.ask({ do: "stop" }));
  studio.on("making preview", () => {
    const { making } = studio;
    if (!making && document.activeElement === stop) byId("roll", HTMLElement).focus();
    writing.hidden = !making;
    model.hidden = making !== null;
    const last = making?.notes.at(-1);
    const where = last ? `, bar ${studio.piece.time.bar(last.start) + 1}` : "";
    words.textContent = making ? `Writing: ${count(making.notes.length, "note")}${where}` : "";
  });
}
