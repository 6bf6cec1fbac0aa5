/**
 * The panel of the model: going on, making a region anew, takes, controls, passages.
 */

import { byId, make } from "../dom.js";
import { trackName } from "../music/names.js";
import { Controls } from "./controls.js";
import { passageRow } from "./passages.js";
import { makeTakes } from "./takes.js";

/** @import { Parts } from "../main.js" */
/** @import { Passage } from "../protocol.js" */

const BEFORE = 1; // bars that are heard before a take

export class Together {
  /** @param {Parts} app */
  constructor(app) {
    this.app = app;
    this.bars = make("input", { type: "number", min: 1, max: 64, value: 8, class: "short", "aria-label": "Bars to go on" });
    this.where = make("strong", {});
    this.on = make("select", { "aria-label": "Tracks to go on with" });
    this.clear = make("input", { type: "checkbox" });
    this.hear = make("input", { type: "checkbox", checked: true });
    this.region = make("p", { class: "region-words" });
    this.keep = ["", "rhythm", "pitches"].map((value) => make("input", { type: "radio", name: "keep", value, checked: value === "" }));
    this.seed = make("input", { id: "seed", inputmode: "numeric", placeholder: "another each time", "aria-describedby": "about-seed" });
    this.controls = new Controls(make("div", { class: "controls" }));
    this.goOnButton = make("button", { class: "strong", onclick: () => void this.goOn(), text: "Go on" });
    this.remakeButton = make("button", { class: "strong", onclick: () => void this.remake(), text: "Make four takes" });
    this.passages = make("ul", { class: "passages" });
    this.build();
    this.follow();
  }

  build() {
    const takes = make("section", { hidden: true, "aria-label": "Takes" });
    const label = (/** @type {Node} */ input, /** @type {string} */ text) => make("label", { class: "choice" }, input, ` ${text}`);
    byId("panel-model", HTMLElement).replaceChildren(
      makeSection("Go on", [
        make("p", {}, "From ", this.where, " for ", this.bars, " bars"),
        make("p", {}, make("label", {}, "with ", this.on)),
        label(this.clear, "replace what follows (what is locked stays)"),
        label(this.hear, "play while it comes"),
        this.goOnButton,
      ]),
      makeSection("Make anew", [
        this.region,
        make("fieldset", {}, make("legend", { text: "Keep" }), label(this.keep[0], "nothing"), label(this.keep[1], "rhythm"), label(this.keep[2], "pitches")),
        this.remakeButton,
      ]),
      takes,
      make("details", { class: "section", open: true }, make("summary", { text: "How the model writes" }), this.controls.element, this.seedField()),
      make("details", { class: "section" }, make("summary", { text: "Passages" }), make("p", { class: "about", text: "What the model wrote, each with its seed and settings." }), this.passages),
    );
    makeTakes(this.app, this, takes);
  }

  seedField() {
    const about = make("p", { id: "about-seed", class: "about", text: "The same seed and settings at the same place make the same music." });
    return make("div", { class: "control" }, make("label", { for: "seed", text: "Seed" }), make("span", { class: "inputs" }, this.seed), about);
  }

  follow() {
    const { studio } = this.app;
    studio.on("hello", () => this.controls.list(studio.controls));
    studio.on("cursor changed region piece mix model", () => this.show());
    studio.on("piece changed mix", () => this.showTracks());
    studio.on("piece changed", () => this.showPassages());
  }

  show() {
    const { studio } = this.app;
    const { time } = studio.piece;
    const { region } = studio;
    const ready = studio.model.state === "ready";
    this.where.textContent = time.words(studio.cursor.tick);
    this.goOnButton.disabled = !ready;
    this.remakeButton.disabled = !ready || !region;
    if (!region) {
      this.region.textContent = "Drag over the lanes above the notes to choose bars and tracks, or press R.";
      return;
    }
    const names = studio.piece.tracks.filter(({ id }) => region.tracks.has(id)).map(trackName);
    const all = names.length === studio.piece.tracks.length && names.length > 2;
    this.region.textContent = `${spanWords(this.app, region.begin, region.stop)} · ${all ? "all tracks" : names.join(", ")}`;
  }

  showTracks() {
    const { studio } = this.app;
    const chosen = this.on.value || "any";
    const options = [["any", "any track"], ...studio.piece.tracks.map((track) => [String(track.id), trackName(track)])];
    this.on.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    this.on.value = options.some(([value]) => value === chosen) ? chosen : "any";
  }

  showPassages() {
    const passages = [...this.app.studio.piece.passages.values()].reverse().slice(0, 50);
    this.passages.replaceChildren(...passages.map((passage) => passageRow(this.app, this, passage)));
  }

  /** What both asks have; null if a control cannot be read. */
  asked() {
    try {
      const seed = this.seed.value.trim();
      if (seed && !/^\d+$/.test(seed)) throw new Error("A seed is a whole number.");
      return { seed: seed ? Number(seed) : null, controls: this.controls.values() };
    } catch (error) {
      this.app.studio.say(/** @type {Error} */ (error).message, "trouble");
      return null;
    }
  }

  /** Let the model go on from the cursor. */
  async goOn() {
    const { studio, transport } = this.app;
    const asked = this.asked();
    if (!asked) return;
    if (transport.playing) transport.pause();
    const at = studio.cursor.tick;
    const tracks = this.on.value === "any" ? null : [Number(this.on.value)];
    const answer = await studio.ask({ do: "go_on", at, bars: Number(this.bars.value), tracks, clear: this.clear.checked, ...asked });
    if (answer && this.hear.checked) this.playDraft(at);
  }

  /**
   * Play what comes, as soon as there is something of it.
   *
   * @param {number} at tick
   */
  playDraft(at) {
    const { studio, transport } = this.app;
    const begin = () => {
      const { making } = studio;
      if (making && making.notes.length < 3) return;
      studio.removeEventListener("preview", begin);
      studio.removeEventListener("making", begin);
      if (!transport.playing && studio.cursor.tick === at) void transport.play();
    };
    studio.on("preview making", begin);
  }

  /** Let the model make the region anew. */
  async remake() {
    const { studio } = this.app;
    const { region } = studio;
    if (!region) {
      studio.say("Choose a region first: drag over the lanes above the notes, or press R.");
      return;
    }
    const asked = this.asked();
    if (!asked) return;
    const keep = this.keep.find((radio) => radio.checked)?.value || null;
    const tracks = [...region.tracks];
    await studio.ask({ do: "remake", begin: region.begin, stop: region.stop, tracks, keep, takes: 4, candidates: null, ...asked });
  }

  /**
   * Show a take in its place, and play it from a bar before.
   *
   * @param {number} at of the takes; -1: what is there
   */
  listen(at) {
    const { studio, transport } = this.app;
    const { takes } = studio;
    if (!takes || at >= takes.takes.length) return;
    takes.chosen = at;
    studio.tell("takes", "preview");
    const { time } = studio.piece;
    if (transport.playing) transport.halt();
    studio.go(time.beginOf(Math.max(0, time.bar(takes.begin) - BEFORE)));
    void transport.play();
  }

  /**
   * Take a take.
   *
   * @param {number} [at] the one that is shown
   */
  async take(at = this.app.studio.takes?.chosen ?? -1) {
    const { studio } = this.app;
    if (!studio.takes || at < 0) {
      studio.say("Listen to a take first (keys 1 to 8), then take it.");
      return;
    }
    if (await studio.ask({ do: "take", take: at + 1 })) studio.say(`Take ${at + 1} is in the piece.`);
  }

  /**
   * Fill in the settings of a passage, to make it again or go on from them.
   *
   * @param {Passage} passage
   */
  reuse({ kind, seed, settings }) {
    const { studio, transport } = this.app;
    this.controls.set(settings.controls ?? {});
    this.seed.value = String(seed);
    if (kind === "go_on") {
      this.bars.value = String(settings.bars ?? 8);
      this.clear.checked = settings.clear === true;
      this.on.value = settings.tracks?.length === 1 ? String(settings.tracks[0]) : "any";
      transport.seek(settings.at);
    } else {
      const tracks = new Set(/** @type {number[]} */ (settings.tracks ?? studio.piece.tracks.map(({ id }) => id)));
      for (const radio of this.keep) radio.checked = radio.value === (settings.keep ?? "");
      studio.choose({ begin: settings.begin, stop: settings.stop, tracks });
    }
    studio.say("The seed and the settings of this passage are filled in.");
  }
}

/**
 * @param {string} title
 * @param {Node[]} children
 */
function makeSection(title, children) {
  return make("section", { class: "section" }, make("h2", { text: title }), ...children);
}

/**
 * Bars, if they are whole: "bars 5 to 8"; else places.
 *
 * @param {Parts} app
 * @param {number} begin
 * @param {number} stop
 */
export function spanWords({ studio }, begin, stop) {
  const { time } = studio.piece;
  const [first, last] = [time.bar(begin), time.bar(stop - 1)];
  if (time.beginOf(first) === begin && time.beginOf(last + 1) === stop) {
    return first === last ? `Bar ${first + 1}` : `Bars ${first + 1} to ${last + 1}`;
  }
  const words = `${time.words(begin)} to ${time.words(stop)}`;
  return words[0].toUpperCase() + words.slice(1);
}
