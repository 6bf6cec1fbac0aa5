/**
 * A player of one sound: where it is, whether it plays, and who wants to know.
 *
 * Events: `state` when it begins or stops, `time` when the position has changed.
 */

/** @import { Sound } from "./sounds.js" */

export class Player extends EventTarget {
  /** @param {Sound} sound */
  constructor(sound) {
    super();
    this.sound = sound;
    this.playing = false;
    this.loading = false;
    this.rest = 0; // the position while it does not play
    this.from = 0; // where the seconds begin that `counted` does not have yet
    this.counted = 0;
    this.starts = 0;
  }

  get seconds() {
    return this.sound.seconds;
  }

  /** Seconds from the beginning. */
  get position() {
    if (!this.playing) return this.rest;
    return Math.min(Math.max(this.sound.position(), this.rest), this.seconds);
  }

  /** The seconds that have been heard in all, also while no frame was drawn. */
  get heard() {
    return this.counted + (this.playing ? Math.max(this.position - this.from, 0) : 0);
  }

  /** Play on; at the end, from the beginning. */
  async play() {
    if (this.playing) return;
    if (this.rest >= this.seconds - 0.01) this.rest = 0;
    this.starts += 1;
    const { starts } = this;
    this.loading = true;
    await this.sound.start(this.rest);
    if (starts !== this.starts) return; // it was stopped or sent elsewhere meanwhile
    this.loading = false;
    this.from = this.rest;
    this.playing = true;
    this.tell("state");
    this.tell("time"); // from the end it goes back to the beginning
    this.follow();
  }

  pause() {
    this.count();
    this.rest = this.position;
    this.halt();
  }

  toggle() {
    return this.playing || this.loading ? this.pause() : this.play();
  }

  /**
   * Go to a place; if it plays, it plays on from there.
   *
   * @param {number} seconds
   */
  seek(seconds) {
    const played = this.playing || this.loading;
    this.count();
    this.rest = Math.min(Math.max(seconds, 0), this.seconds);
    if (played) this.halt();
    this.tell("time");
    return played ? this.play() : Promise.resolve();
  }

  /** Count what was heard since it began to play. */
  count() {
    this.counted = this.heard;
    this.from = this.position;
  }

  halt() {
    this.starts += 1;
    this.loading = false;
    this.sound.stop();
    if (!this.playing) return;
    this.playing = false;
    this.tell("state");
  }

  /** Report the position at each frame, until it ends. */
  follow() {
    const { starts } = this;
    const look = () => {
      if (starts !== this.starts) return;
      if (this.position >= this.seconds) {
        this.count();
        this.rest = this.seconds;
        this.halt();
      }
      this.tell("time");
      if (this.playing) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }

  /** @param {"state" | "time"} what */
  tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

/**
 * Let only one of several players play at a time; returns which was used last.
 *
 * @param {Player[]} players
 * @returns {() => Player | undefined}
 */
export function oneAtATime(players) {
  let last = players.at(0);
  for (const player of players) {
    player.addEventListener("state", () => {
      if (!player.playing) return;
      last = player;
      for (const other of players) if (other !== player) other.pause();
    });
  }
  return () => last;
}
