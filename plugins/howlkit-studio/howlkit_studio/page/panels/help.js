/**
 * The list of all keys, and the hints of a first visit.
 */

import { byId, make } from "../dom.js";
import { KEYS } from "../keys.js";

/** @import { App } from "../main.js" */

const HINTS = [
  ["Listen", "Space plays and pauses. Double-click in the roll writes a note; drag moves it."],
  ["Let it go on", "Put the cursor where you like and press “Go on”: notes come as the model writes them. Stop keeps them."],
  ["Make bars anew", "Drag over the lanes above the notes, press “Make four takes”, listen, take one. Undo has no end."],
];

/** @returns {() => void} shows the keys */
export function makeHelp() {
  const dialog = byId("keys", HTMLDialogElement);
  const groups = [...new Set(KEYS.map(({ group }) => group))].map((group) =>
    make(
      "section",
      {},
      make("h3", { text: group }),
      make("dl", {}, ...KEYS.filter((key) => key.group === group).flatMap(({ shown, text }) => [make("dt", {}, make("kbd", { text: shown })), make("dd", { text })])),
    ),
  );
  const close = make("button", { text: "Close", class: "strong", onclick: () => dialog.close() });
  const mouse = "With the mouse: drag moves and selects, the right edge of a note resizes it, Ctrl copies, Alt leaves the grid; the wheel scrolls, with Ctrl it zooms, with Alt it makes rows higher; the bars below set velocities.";
  dialog.replaceChildren(
    make("header", {}, make("h2", { id: "keys-title", text: "Keys" }), close),
    make("p", { class: "about", text: `Single letters work while the piano-roll has the focus: click it, or reach it with Tab. ${mouse}` }),
    make("div", { class: "groups" }, ...groups),
  );
  const show = () => dialog.showModal();
  byId("help", HTMLButtonElement).addEventListener("click", show);
  return show;
}

/** Show three hints to whoever is here for the first time. */
export function makeHints() {
  const hints = byId("hints", HTMLElement);
  if (localStorage.getItem("hints") === "seen") return;
  const close = make("button", {
    text: "Got it", class: "strong",
    onclick: () => {
      localStorage.setItem("hints", "seen");
      hints.hidden = true;
      byId("roll", HTMLElement).focus();
    },
  });
  hints.replaceChildren(
    make("ol", {}, ...HINTS.map(([title, text]) => make("li", {}, make("strong", { text: title }), make("span", { text })))),
    close,
  );
  hints.hidden = false;
}
