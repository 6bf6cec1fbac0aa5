/**
 * The script of a listening test: pairs one after the other, and a file of answers.
 */

import { listenToKeys } from "./keyboard.js";
import { pageData, studioOfPage } from "./page_data.js";
import { makePlayer } from "./piece_view.js";
import { oneAtATime } from "./player.js";

/** @import { StoredPiece } from "./piece_view.js" */
/** @import { Player } from "./player.js" */

/**
 * An answer as the file has it (howlkit/reports/listening/answers.py).
 *
 * @typedef {object} Answer
 * @property {number} pair from 1
 * @property {"first" | "second"} answer
 * @property {number} seconds from the moment the pair was shown
 * @property {[number, number]} heard seconds of each piece
 */

const FORMAT = "howlkit listening test, answers 1";
const ENOUGH = 5; // seconds of each piece to be heard before an answer, or half of a short one
const JUMP = 0.5; // seconds between two looks that are more than playing on

const studio = studioOfPage();
/** @type {string} */
const test = pageData("test");
/** @type {[StoredPiece, StoredPiece][]} */
const pairs = pageData("pairs");
const templates = ["first", "second"].map((id) => byId(id).cloneNode(true));
/** @type {Answer[]} */
const answers = [];
const begun = new Date().toISOString();
const listener = randomName();
/** @type {() => Player | undefined} */
let current = () => undefined;
let shownAt = 0;
/** @type {[number, number]} */
let heard = [0, 0];

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** A name that no other listener has. */
function randomName() {
  const numbers = crypto.getRandomValues(new Uint32Array(2));
  return [...numbers].map((number) => number.toString(36)).join("");
}

/** @param {string} id of the section to show; the others are hidden */
function showSection(id) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== id;
}

/** Show the pair that has no answer yet, or the end. */
function showNext() {
  if (answers.length === pairs.length) {
    showEnd();
    return;
  }
  showSection("pair");
  byId("progress").textContent = `Pair ${answers.length + 1} of ${pairs.length}`;
  byId("progress").focus();
  heard = [0, 0];
  shownAt = performance.now();
  const players = pairs[answers.length].map((piece, side) => {
    const id = side ? "second" : "first";
    byId(id).replaceWith(templates[side].cloneNode(true));
    const player = makePlayer(byId(id), piece, studio);
    countSeconds(player, side);
    return player;
  });
  current = oneAtATime(players);
  allowAnswers();
}

/**
 * Count the seconds of a piece that are heard.
 *
 * @param {Player} player
 * @param {number} side 0 or 1
 */
function countSeconds(player, side) {
  let last = 0;
  player.addEventListener("time", () => {
    const passed = player.position - last;
    last = player.position;
    if (passed > 0 && passed < JUMP) heard[side] += passed;
    allowAnswers();
  });
}

/** Allow to answer once enough of both was heard. */
function allowAnswers() {
  const lacking = pairs[answers.length].some(
    (piece, side) => heard[side] < Math.min(ENOUGH, piece.seconds / 2),
  );
  for (const id of ["answer-first", "answer-second"]) {
    /** @type {HTMLButtonElement} */ (byId(id)).disabled = lacking;
  }
  const text = lacking ? `Listen to ${ENOUGH} seconds of each first.` : "";
  if (byId("wait").textContent !== text) byId("wait").textContent = text;
}

/** @param {"first" | "second"} answer */
function take(answer) {
  current()?.pause();
  answers.push({
    pair: answers.length + 1,
    answer,
    seconds: rounded((performance.now() - shownAt) / 1000),
    heard: [rounded(heard[0]), rounded(heard[1])],
  });
  showNext();
}

/** @param {number} seconds */
function rounded(seconds) {
  return Math.round(seconds * 10) / 10;
}

/** Offer the file of answers. */
function showEnd() {
  current = () => undefined;
  showSection("end");
  const comment = /** @type {HTMLTextAreaElement} */ (byId("comment"));
  const link = /** @type {HTMLAnchorElement} */ (byId("save"));
  link.download = `answers-${test}-${listener}.json`;
  const write = () => {
    const name = /** @type {HTMLInputElement} */ (byId("listener")).value.trim();
    const file = { format: FORMAT, test, listener, name, begun, comment: comment.value, answers };
    const text = `${JSON.stringify(file, null, 1)}\n`;
    if (link.href.startsWith("blob:")) URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    byId("answers").textContent = text;
  };
  comment.addEventListener("input", write);
  write();
  byId("thanks").focus();
}

byId("begin").addEventListener("click", showNext);
byId("answer-first").addEventListener("click", () => take("first"));
byId("answer-second").addEventListener("click", () => take("second"));
byId("save").addEventListener("click", () => removeEventListener("beforeunload", warn));
listenToKeys(() => current());

/** @param {BeforeUnloadEvent} event */
function warn(event) {
  if (answers.length) event.preventDefault(); // the browser asks before answers are lost
}
addEventListener("beforeunload", warn);
