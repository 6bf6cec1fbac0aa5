/**
 * MIDI keyboards and instruments, where the browser has Web MIDI: what comes in is played and, while
 * it records, becomes notes; what plays can go out to an instrument in place of the bank.
 */

import { addNotes, count, haveTrack } from "../actions.js";
import { DRUMS } from "../music/names.js";

/** @import { Output, Transport } from "./transport.js" */
/** @import { Studio } from "../studio.js" */

/** A key that is down. @typedef {{ tick: number, velocity: number }} Down */

const NOTE_ON = 0x90;
const NOTE_OFF = 0x80;

export class Midi extends EventTarget {
  /**
   * @param {Studio} studio
   * @param {Transport} transport
   */
  constructor(studio, transport) {
    super();
    this.studio = studio;
    this.transport = transport;
    /** @type {MIDIAccess | null} */
    this.access = null;
    this.recording = false;
    /** @type {Map<number, Down>} */
    this.down = new Map();
    /** @type {{ start: number, duration: number, pitch: number, velocity: number }[]} */
    this.recorded = [];
    transport.addEventListener("state", () => {
      if (this.recording && !transport.playing) void this.stopRecording();
    });
  }

  get possible() {
    return "requestMIDIAccess" in navigator;
  }

  /** Ask the browser for its MIDI devices; an Error if it refuses. */
  async connect() {
    if (!this.possible) throw new Error("This browser has no Web MIDI; Chromium, Edge and Firefox have it.");
    this.access ??= await navigator.requestMIDIAccess();
    this.access.onstatechange = () => this.listen();
    this.listen();
  }

  listen() {
    for (const input of this.access?.inputs.values() ?? []) {
      input.onmidimessage = (event) => event.data && this.hear(event.data);
    }
    this.dispatchEvent(new Event("devices"));
  }

  /** @param {Uint8Array} data of a message */
  hear([status, pitch, velocity]) {
    const kind = status & 0xf0;
    if (kind === NOTE_ON && velocity > 0) {
      this.down.set(pitch, { tick: this.transport.tick, velocity });
      void this.transport.sound({ pitch, velocity, track: this.studio.track }, 1.5);
    } else if (kind === NOTE_OFF || kind === NOTE_ON) this.release(pitch);
  }

  /** @param {number} pitch */
  release(pitch) {
    const down = this.down.get(pitch);
    this.down.delete(pitch);
    if (!down || !this.recording || !this.transport.playing) return;
    const duration = Math.max(this.studio.piece.ticksPerBeat / 16, this.transport.tick - down.tick);
    const [start, ticks] = [Math.round(down.tick), Math.round(duration)];
    this.recorded.push({ start, duration: ticks, pitch, velocity: down.velocity });
  }

  /** Record from the cursor on, until it is stopped. */
  async record() {
    await this.connect();
    if (!(await haveTrack(this.studio))) return;
    this.recorded = [];
    this.recording = true;
    this.transport.keepsOn = true;
    this.dispatchEvent(new Event("recording"));
    await this.transport.play();
  }

  /** Make notes of what was played. */
  async stopRecording() {
    for (const pitch of [...this.down.keys()]) this.release(pitch);
    this.recording = false;
    this.transport.keepsOn = false;
    this.dispatchEvent(new Event("recording"));
    if (this.transport.playing) this.transport.pause();
    const { track } = this.studio;
    const notes = this.recorded.map((note) => ({ ...note, track }));
    this.recorded = [];
    if (!notes.length) return;
    await addNotes(this.studio, notes);
    this.studio.say(`${count(notes.length, "note")} recorded.`);
  }

  /**
   * Let an instrument play, in place of the bank.
   *
   * @param {string} id of an output; "": the bank
   */
  choose(id) {
    const port = this.access?.outputs.get(id);
    this.transport.output = port ? outputOf(port) : null;
  }
}

/**
 * @param {MIDIOutput} port
 * @returns {Output}
 */
function outputOf(port) {
  /** @type {Map<number, number>} channels by program */
  const channels = new Map([[DRUMS, 9]]);
  const channelOf = (/** @type {number} */ program) => {
    let channel = channels.get(program);
    if (channel === undefined) {
      const free = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15];
      channel = free[(channels.size - 1) % free.length];
      channels.set(program, channel);
      port.send([0xc0 | channel, program]);
    }
    return channel;
  };
  return {
    play({ program, pitch, velocity }, inSeconds, seconds) {
      const channel = channelOf(program);
      const when = performance.now() + inSeconds * 1000;
      port.send([NOTE_ON | channel, pitch, velocity], when);
      port.send([NOTE_OFF | channel, pitch, 0], when + seconds * 1000);
    },
    silence() {
      for (let channel = 0; channel < 16; channel += 1) port.send([0xb0 | channel, 123, 0]);
    },
  };
}
