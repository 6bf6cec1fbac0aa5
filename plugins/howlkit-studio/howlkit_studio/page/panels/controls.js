/**
 * The controls of the model, as the server lists them: a field for each, and what it does.
 */

import { make } from "../dom.js";
import { PROGRAMS, pitchName, pitchOf } from "../music/names.js";

/** @import { Control } from "../protocol.js" */

/**
 * A field for a value that may be left out.
 *
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {() => unknown} value null if nothing is asked for; an Error if it cannot be read
 * @property {(value: any) => void} set
 */

const NAMES = /** @type {{ [name: string]: string }} */ ({
  key: "Key", range: "Range", instruments: "Instruments", density: "Density", max_polyphony: "Voices at most",
  chords: "Chords", temperature: "Temperature", top_p: "Top-p",
});

/** Ends and words of sliders. @type {{ [name: string]: { low: number, high: number, usual: number, words: [string, string] } }} */
const SLIDERS = {
  temperature: { low: 0.3, high: 1.7, usual: 1, words: ["surer", "bolder"] },
  top_p: { low: 0.5, high: 1, usual: 1, words: ["likely only", "anything"] },
};

export class Controls {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    /** @type {Map<string, Field>} */
    this.fields = new Map();
  }

  /** @param {Control[]} controls */
  list(controls) {
    this.fields = new Map(controls.map((control) => [control.name, fieldOf(control)]));
    this.element.replaceChildren(...[...this.fields.values()].map((field) => field.element));
  }

  /** What is asked for, as a message has it; an Error says what cannot be read. */
  values() {
    /** @type {{ [name: string]: unknown }} */
    const values = {};
    for (const [name, field] of this.fields) {
      const value = field.value();
      if (value !== null) values[name] = value;
    }
    return values;
  }

  /** @param {{ [name: string]: unknown }} values */
  set(values) {
    for (const [name, field] of this.fields) field.set(values[name] ?? null);
  }
}

/**
 * @param {Control} control
 * @returns {Field}
 */
function fieldOf(control) {
  if (control.name in SLIDERS) return slider(control);
  if (control.name === "range") return range(control);
  if (control.name === "instruments") return instruments(control);
  return text(control);
}

/**
 * @param {Control} control
 * @param {HTMLElement[]} inputs
 */
function labelled({ name, text }, ...inputs) {
  const label = make("label", { for: `control-${name}`, text: NAMES[name] ?? name });
  inputs[0].id = `control-${name}`;
  inputs[0].setAttribute("aria-describedby", `about-${name}`);
  const about = make("p", { id: `about-${name}`, class: "about", text });
  return make("div", { class: `control control-${name}` }, label, make("span", { class: "inputs" }, ...inputs), about);
}

/**
 * @param {Control} control
 * @returns {Field}
 */
function text(control) {
  const whole = control.kind === "whole";
  const input = make("input", { placeholder: String(control.example), inputmode: whole ? "numeric" : "text", spellcheck: false });
  return {
    element: labelled(control, input),
    value() {
      const said = input.value.trim();
      if (!said) return null;
      if (control.kind === "text") return said;
      const number = Number(said);
      if (!Number.isFinite(number)) throw new Error(`${NAMES[control.name] ?? control.name} is a number.`);
      return number;
    },
    set(value) {
      input.value = value === null ? "" : String(value);
    },
  };
}

/**
 * @param {Control} control
 * @returns {Field}
 */
function slider(control) {
  const { low, high, usual, words } = SLIDERS[control.name];
  const input = make("input", { type: "range", min: low, max: high, step: 0.05, value: usual });
  const shown = make("output", { class: "shown", text: "usual" });
  const show = () => {
    const value = Number(input.value);
    shown.textContent = value === usual ? "usual" : value.toFixed(2);
    input.setAttribute("aria-valuetext", `${shown.textContent}, from ${words[0]} to ${words[1]}`);
  };
  input.addEventListener("input", show);
  show();
  return {
    element: labelled(control, input, shown),
    value: () => (Number(input.value) === usual ? null : Number(input.value)),
    set(value) {
      input.value = String(value ?? usual);
      show();
    },
  };
}

/**
 * @param {Control} control
 * @returns {Field}
 */
function range(control) {
  const low = make("input", { placeholder: "lowest", "aria-label": "Lowest pitch", size: 6 });
  const high = make("input", { placeholder: "highest", "aria-label": "Highest pitch", size: 6 });
  return {
    element: labelled(control, low, make("span", { text: "to" }), high),
    value() {
      if (!low.value.trim() && !high.value.trim()) return null;
      const pitches = [low.value.trim() || "0", high.value.trim() || "127"].map(pitchOf);
      if (pitches.includes(null)) throw new Error("A range has two pitches, such as C3 and C6.");
      return pitches;
    },
    set(value) {
      [low.value, high.value] = value ? [pitchName(value[0]), pitchName(value[1])] : ["", ""];
    },
  };
}

/**
 * @param {Control} control
 * @returns {Field}
 */
function instruments(control) {
  const chosen = make("ul", { class: "chips" });
  const select = make("select", {});
  /** @type {Set<number>} */
  const programs = new Set();
  const draw = () => {
    const options = PROGRAMS.map((name, program) => new Option(name, String(program)));
    select.replaceChildren(new Option(programs.size ? "add …" : "those of the tracks", ""), ...options);
    chosen.replaceChildren(
      ...[...programs].map((program) => {
        const drop = () => {
          programs.delete(program);
          draw();
        };
        const name = PROGRAMS[program];
        return make("li", {}, make("button", { text: `${name} ×`, "aria-label": `Without ${name}`, onclick: drop }));
      }),
    );
  };
  select.addEventListener("change", () => {
    if (select.value) programs.add(Number(select.value));
    draw();
  });
  draw();
  return {
    element: labelled(control, select, chosen),
    value: () => (programs.size ? [...programs] : null),
    set(value) {
      programs.clear();
      for (const program of value ?? []) programs.add(program);
      draw();
    },
  };
}
