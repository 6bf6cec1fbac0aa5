/**
 * The menu of files: pieces, opening, saving, exporting; the name of the piece.
 */

import { byId, make, printable } from "../dom.js";

/** @import { App } from "../main.js" */

/** @type {{ [format: string]: string }} */
const FORMATS = { mid: "MIDI file", wav: "Sound (.wav)", musicxml: "Sheet music (.musicxml)", report: "Report page" };

/** @param {App} app */
export function makeFiles({ studio }) {
  const menu = byId("file-menu", HTMLDetailsElement);
  const file = byId("open-file", HTMLInputElement);
  const close = () => {
    menu.open = false;
  };
  document.addEventListener("pointerdown", (event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) close();
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    close();
    menu.querySelector("summary")?.focus();
  });
  menu.addEventListener("toggle", () => {
    if (menu.open) void listProjects(studio, close);
  });
  byId("new", HTMLButtonElement).addEventListener("click", async () => {
    close();
    await studio.ask({ do: "new", name: "New piece" });
  });
  byId("open", HTMLButtonElement).addEventListener("click", () => file.click());
  file.addEventListener("change", async () => {
    close();
    if (file.files?.[0]) await upload(studio, file.files[0]);
    file.value = "";
  });
  byId("save", HTMLButtonElement).addEventListener("click", async () => {
    close();
    const answer = await studio.ask({ do: "save" });
    if (answer) studio.say(`Saved as ${printable(answer.name)} in ${printable(answer.folder)}.`);
  });
  studio.on("hello", () => listExports(studio, close));
  listenToDrops(studio);
  const name = byId("name", HTMLInputElement);
  studio.on("changed piece", () => {
    if (document.activeElement !== name) name.value = printable(studio.piece.name);
    document.title = `${printable(studio.piece.name)} – howlkit studio`;
  });
  name.addEventListener("change", () => void studio.ask({ do: "rename", name: name.value }));
}

/**
 * @param {App["studio"]} studio
 * @param {File} file
 */
async function upload(studio, file) {
  const answer = await fetch(`/import?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
  const { error } = await answer.json();
  if (error) studio.say(`${printable(file.name)}: ${error}`, "trouble");
}

/** @param {App["studio"]} studio */
function listenToDrops(studio) {
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.files[0];
    if (dropped) void upload(studio, dropped);
  });
}

/**
 * @param {App["studio"]} studio
 * @param {() => void} close
 */
async function listProjects(studio, close) {
  const answer = await studio.ask({ do: "projects" });
  const projects = /** @type {{ id: string, name: string, when: number }[]} */ (answer?.projects ?? []);
  byId("projects", HTMLElement).replaceChildren(
    ...projects.map(({ id, name, when }) => {
      const open = id === answer?.open;
      const date = new Date(when * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
      const onclick = async () => {
        close();
        if (!open) await studio.ask({ do: "open", project: id });
      };
      return make("button", { class: "project", onclick, "aria-current": open ? "true" : undefined }, make("span", { text: name || "Untitled" }), make("small", { text: date }));
    }),
  );
}

/**
 * @param {App["studio"]} studio
 * @param {() => void} close
 */
function listExports(studio, close) {
  const buttons = Object.entries(studio.exports).map(([format, missing]) => {
    const onclick = () => {
      close();
      void save(studio, format);
    };
    const button = make("button", { text: `Export: ${FORMATS[format] ?? format}`, onclick, disabled: missing !== "" });
    return missing ? make("div", {}, button, make("small", { text: missing })) : button;
  });
  byId("exports", HTMLElement).replaceChildren(...buttons);
}

/**
 * Fetch a file and let the browser save it, so that what went wrong can be said.
 *
 * @param {App["studio"]} studio
 * @param {string} format
 */
async function save(studio, format) {
  studio.say("The file is being written …");
  const answer = await fetch(`/export/${format}`);
  if (!answer.ok) {
    const { error } = await answer.json().catch(() => ({ error: "The file could not be written." }));
    studio.say(error, "trouble");
    return;
  }
  const named = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") ?? "");
  const name = named ? decodeURIComponent(named[1]) : `piece.${format}`;
  const url = URL.createObjectURL(await answer.blob());
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  studio.say(`${printable(name)} is in your downloads.`);
}
