/**
 * The script of pages that show pieces: each plays, one at a time.
 */

import { listenToKeys } from "./keyboard.js";
import { pageData, studioOfPage } from "./page_data.js";
import { makePlayer } from "./piece_view.js";
import { oneAtATime } from "./player.js";

/** @import { StoredPiece } from "./piece_view.js" */

const studio = studioOfPage();
/** @type {StoredPiece[]} */
const pieces = pageData("pieces");
const views = [...document.querySelectorAll(".piece")];
listenToKeys(oneAtATime(pieces.map((piece, at) => makePlayer(views[at], piece, studio))));
