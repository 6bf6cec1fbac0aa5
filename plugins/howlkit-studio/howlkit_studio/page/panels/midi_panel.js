/**
 * The panel of MIDI devices: keyboards to play and record with, instruments to play on.
 */

import { byId, make } from "../dom.js";

/** @import { App } from "../main.js" */

/** @param {App} app */
export function makeMidiPanel({ studio, midi }) {
  const panel = byId("panel-midi", HTMLElement);
  const inputs = make("ul", {});
  const output = make("select", { "aria-label": "Where the piece sounds", onchange: () => midi.choose(output.value) });
  const connect = make("button", {
    class: "strong", text: "Look for MIDI devices",
    onclick: async () => {
      try {
        await midi.connect();
      } catch (error) {
        studio.say(/** @type {Error} */ (error).message, "trouble");
      }
    },
  });
  const draw = () => {
    const names = [...(midi.access?.inputs.values() ?? [])].map(({ name }) => name ?? "a keyboard");
    const none = midi.access ? "No keyboard was found: plug one in." : "None yet.";
    inputs.replaceChildren(...(names.length ? names : [none]).map((text) => make("li", { text })));
    const outputs = [...(midi.access?.outputs.values() ?? [])];
    const chosen = output.value;
    output.replaceChildren(new Option("howlkit's own instruments", ""), ...outputs.map(({ id, name }) => new Option(name ?? id, id)));
    output.value = outputs.some(({ id }) => id === chosen) ? chosen : "";
  };
  midi.addEventListener("devices", draw);
  panel.replaceChildren(
    make("h2", { text: "MIDI" }),
    make("p", { class: "about", text: midi.possible ? "A keyboard plays on the active track; the red button records from the cursor on, the metronome clicks." : "This browser has no Web MIDI; Chromium, Edge and Firefox have it." }),
    connect,
    make("h3", { text: "Keyboards" }),
    inputs,
    make("h3", { text: "Sound" }),
    make("label", {}, output),
  );
  draw();
}
