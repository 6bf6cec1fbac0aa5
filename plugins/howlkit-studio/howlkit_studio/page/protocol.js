/**
 * The messages of the server, as PROTOCOL.md describes them, for the type checker.
 *
 * @typedef {{ say: string, ask?: string | number, [name: string]: any }} ServerMessage
 *
 * @typedef {object} Note
 * @property {number} id
 * @property {number} start ticks
 * @property {number} duration ticks
 * @property {number} pitch
 * @property {number} velocity
 * @property {number} track the id of one
 * @property {number} by -1 a file, 0 a person, or the id of a passage
 * @property {number} locked 0 or 1
 *
 * @typedef {object} MadeNote a note that a model has made, and that is no note of the piece yet
 * @property {number} start
 * @property {number} duration
 * @property {number} pitch
 * @property {number} velocity
 * @property {number} track 0: a track that will be added
 * @property {number} program
 *
 * @typedef {{ id: number, name: string, program: number }} Track
 *
 * @typedef {object} Passage
 * @property {number} id
 * @property {"go_on" | "remake"} kind
 * @property {string} model
 * @property {number} seed
 * @property {{ [name: string]: any }} settings
 * @property {number} at
 *
 * @typedef {object} Take
 * @property {MadeNote[]} notes
 * @property {number | null} join
 * @property {number} distance
 * @property {boolean} complete
 *
 * @typedef {object} Control
 * @property {string} name
 * @property {string} kind
 * @property {string} text
 * @property {any} example
 *
 * @typedef {object} State
 * @property {number} id
 * @property {number} parent
 * @property {string} what
 * @property {number} by
 * @property {number} when seconds since 1970
 * @property {number} notes
 */

/**
 * The rows of a table, which the protocol sends as columns.
 *
 * @template T
 * @param {{ [column: string]: any[] }} columns
 * @returns {T[]}
 */
export function rows(columns) {
  const names = Object.keys(columns);
  const count = names.length ? columns[names[0]].length : 0;
  const made = new Array(count);
  for (let at = 0; at < count; at += 1) {
    /** @type {{ [column: string]: any }} */
    const row = (made[at] = {});
    for (const name of names) row[name] = columns[name][at];
  }
  return made;
}
