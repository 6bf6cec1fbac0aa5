/**
 * The link to the server: a WebSocket that comes back when it breaks, and asks that are answered.
 */

/** @import { ServerMessage } from "./protocol.js" */

const AGAIN = 1000; // milliseconds until it is tried again

export class Link extends EventTarget {
  constructor() {
    super();
    /** @type {WebSocket | null} */
    this.socket = null;
    this.own = Math.random().toString(36).slice(2, 8); // other pages count their asks too
    this.asks = 0;
    /** @type {Map<string, { resolve: (message: ServerMessage) => void, reject: (error: Error) => void }>} */
    this.waiting = new Map();
    /** @type {Map<string, ((message: any) => void)[]>} */
    this.hearing = new Map();
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/ws`));
    socket.addEventListener("open", () => this.dispatchEvent(new Event("open")));
    socket.addEventListener("message", (event) => this.hear(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("The link was lost."));
      this.waiting.clear();
      this.dispatchEvent(new Event("close"));
      setTimeout(() => this.connect(), AGAIN);
    });
  }

  /**
   * Call a function with every message of a kind.
   *
   * @param {string} say
   * @param {(message: any) => void} hear
   */
  on(say, hear) {
    this.hearing.set(say, [...(this.hearing.get(say) ?? []), hear]);
  }

  /** @param {ServerMessage} message */
  hear(message) {
    for (const hear of this.hearing.get(message.say) ?? []) hear(message);
    const waiting = message.ask === undefined ? undefined : this.waiting.get(String(message.ask));
    if (!waiting) return;
    this.waiting.delete(String(message.ask));
    if (message.say === "error") waiting.reject(new Error(message.text));
    else waiting.resolve(message);
  }

  /**
   * Ask the server for something.
   *
   * @param {{ do: string, [name: string]: unknown }} message
   * @returns {Promise<ServerMessage>} the answer; an Error if it was refused
   */
  ask(message) {
    const { socket } = this;
    if (!socket || !this.open) return Promise.reject(new Error("The studio does not answer."));
    this.asks += 1;
    const ask = `${this.own}-${this.asks}`;
    return new Promise((resolve, reject) => {
      this.waiting.set(ask, { resolve, reject });
      socket.send(JSON.stringify({ ...message, ask }));
    });
  }
}
