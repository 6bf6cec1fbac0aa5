/**
 * Elements of the page, made and found. What is text stays text: nothing is ever read as HTML.
 */

/**
 * The element with an id; an Error if the page has none.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`The page has no ${kind.name} ${id}.`);
  return element;
}

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {{ [name: string]: string | number | boolean | ((event: any) => void) | undefined }} attributes
 *   `text` is its text, a function `onclick` hears clicks, true an attribute without a value (for aria- the word "true")
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = printable(String(value));
    else if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") && value !== undefined) element.setAttribute(name, String(value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Text without characters that control how it is shown: names of files are anybody's.
 *
 * @param {string} text
 */
export function printable(text) {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "·");
}

/**
 * Fill a list with options.
 *
 * @param {HTMLSelectElement} select
 * @param {[string | number, string][]} options values and what is shown
 * @param {string | number} chosen
 */
export function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value, text })));
  select.value = String(chosen);
}
