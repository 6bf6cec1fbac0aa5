/**
 * The page of the studio in a browser, against a studio that runs: STUDIO is its launch link, FIRST
 * that of one that nobody has visited yet, with the model that comes with howlkit.
 *
 * CHROMIUM is the browser, SHOTS a folder for screenshots, if they are wanted. The packages of node
 * are those in the folder that node is started in.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

const require = createRequire(join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const { CHROMIUM, FIRST, SHOTS, STUDIO } = process.env;
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const BEAT = 480;

let browser;
let context;
let page;
let parts;
const said = [];

before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  context = await browser.newContext({ viewport: { width: 1280, height: 860 }, acceptDownloads: true, bypassCSP: false });
  await context.addInitScript(plugIn);
  await open(STUDIO);
});
after(() => browser.close());

/** Open a studio in a new page, and wait until it and its model are there. */
async function open(link) {
  page = await context.newPage();
  page.on("console", (message) => said.push(message.text()));
  page.on("response", (answer) => answer.status() >= 400 && said.push(`${answer.status()} ${answer.url()}`));
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(link).origin && !request.url().startsWith("blob:")) said.push(request.url());
  });
  await page.goto(link);
  await page.waitForSelector("#tracks li"); // the launch link goes on to the page
  parts = await page.evaluateHandle(async () => {
    const { app, roll, lanes } = await import("/page/main.js");
    return { ...app, roll, lanes };
  });
  await until(({ studio }) => studio.piece.head >= 0 && studio.model.state === "ready");
}

/** Give a page a keyboard and an instrument, since a browser without a screen has no MIDI devices. */
function plugIn() {
  const sent = [];
  const keyboard = { id: "keyboard", name: "A <keyboard>", onmidimessage: null };
  const instrument = { id: "instrument", name: "An instrument", send: (data, when) => sent.push([...data, when]) };
  const access = { inputs: new Map([["keyboard", keyboard]]), outputs: new Map([["instrument", instrument]]), onstatechange: null };
  navigator.requestMIDIAccess = async () => access;
  globalThis.devices = { sent, press: (...data) => keyboard.onmidimessage({ data: Uint8Array.from(data) }) };
}

/** The most of full scale that is heard within 0.4 seconds. */
const loudness = () =>
  ask(async ({ transport }) => {
    const analyser = transport.context.createAnalyser();
    transport.own.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let most = 0;
    for (let look = 0; look < 20; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      analyser.getFloatTimeDomainData(samples);
      most = samples.reduce((one, other) => Math.max(one, Math.abs(other)), most);
    }
    return most;
  });

/** Ask something of the page's parts. */
const ask = (question, argument) => parts.evaluate(question, argument);

/** Wait until something holds of the page's parts. */
async function until(question, argument) {
  for (let tries = 0; tries < 1200; tries += 1) {
    if (await ask(question, argument)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`it never came to this: ${question}`);
}

/** Do something, and wait until the piece has changed. */
async function changing(act) {
  const head = await ask(({ studio }) => studio.piece.head);
  await act();
  await until(({ studio }, before) => studio.piece.head !== before, head);
}

const notes = () =>
  ask(({ studio }) => [...studio.piece.notes.values()].sort((a, b) => a.start - b.start || a.pitch - b.pitch));
const press = (key) => page.keyboard.press(key);
const focus = () => page.locator("#roll").focus();
/** The place of a tick and a pitch in the window. */
async function place(tick, pitch) {
  const { x, y } = await page.locator("#roll").boundingBox();
  const at = await ask(({ view }, [t, p]) => ({ x: view.x(t), y: view.y(p) + view.row / 2 }), [tick, pitch]);
  return { x: x + at.x, y: y + at.y };
}

async function drag(from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2);
  await page.mouse.move(to.x, to.y);
  await page.mouse.up();
}

async function picture(name) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

test("a first visit shows the piece and three hints", async () => {
  assert.equal(await page.locator("#hints li").count(), 3);
  await picture("first-visit");
  await page.getByRole("button", { name: "Got it" }).click();
  assert.equal(await page.locator("#hints").isVisible(), false);
  assert.equal(await ask(({ studio }) => studio.piece.notes.size), 20);
  assert.equal(await page.locator("#tracks li").count(), 2);
  assert.match(await page.title(), /tune/);
});

test("notes are written, moved, changed and deleted by keys alone", async () => {
  await focus();
  await press("End");
  await changing(() => press("n"));
  const written = (await notes()).at(-1);
  assert.deepEqual([written.by, written.duration, written.velocity], [0, 240, 80]);
  await press(",");
  assert.deepEqual(await ask(({ studio }) => [...studio.selection]), [written.id]);
  await changing(() => press("ArrowUp"));
  await changing(() => press("ArrowRight"));
  await changing(() => press("Shift+ArrowRight"));
  await changing(() => press("Alt+ArrowUp"));
  const moved = (await notes()).find(({ id }) => id === written.id);
  assert.deepEqual(
    [moved.pitch, moved.start, moved.duration, moved.velocity],
    [written.pitch + 1, written.start + 240, 480, 88],
  );
  assert.match(await page.locator("#here").textContent(), /by you/);
  await changing(() => press("l"));
  await press("Delete");
  await page.waitForFunction(() => document.querySelector("#said").dataset.kind === "trouble");
  await changing(() => press("l"));
  await changing(() => press("Control+d"));
  await press("Control+c");
  await press("Home");
  await changing(() => press("Control+v"));
  assert.equal((await notes()).length, 23);
  await changing(() => press("Delete"));
  assert.equal((await notes()).length, 22);
  await press("Escape");
  for (let undone = 0; undone < 10; undone += 1) await changing(() => press("Control+z"));
  assert.equal((await notes()).length, 20);
  await changing(() => press("Control+Shift+z"));
  await changing(() => press("Control+z"));
});

test("notes are drawn, moved, resized and given a velocity by mouse", async () => {
  await page.locator("#tool-draw").click();
  await changing(async () => drag(await place(BEAT * 4 + 20, 50), await place(BEAT * 5 - 20, 50)));
  let drawn = (await notes()).find(({ pitch }) => pitch === 50);
  assert.deepEqual([drawn.start, drawn.duration], [BEAT * 4, BEAT]);
  await page.locator("#tool-select").click();
  await changing(async () => drag(await place(BEAT * 4 + 100, 50), await place(BEAT * 4 + 340, 52)));
  drawn = (await notes()).find(({ id }) => id === drawn.id);
  assert.deepEqual([drawn.start, drawn.pitch], [BEAT * 4 + 240, 52]);
  const end = await place(drawn.start + drawn.duration, 52);
  await changing(async () => drag({ x: end.x - 3, y: end.y }, await place(drawn.start + 960, 52)));
  drawn = (await notes()).find(({ id }) => id === drawn.id);
  assert.equal(drawn.duration, 960);
  const box = await page.locator("#roll").boundingBox();
  const bar = { x: (await place(drawn.start, 52)).x + 1, y: box.y + box.height - 54 };
  await changing(() => drag(bar, { x: bar.x, y: bar.y + 1 }));
  drawn = (await notes()).find(({ id }) => id === drawn.id);
  assert.ok(drawn.velocity > 110, `${drawn.velocity}`);
  await changing(async () => {
    const { x, y } = await place(BEAT, 46);
    await page.mouse.dblclick(x + 2, y);
  });
  assert.equal((await notes()).length, 22);
  await picture("edited");
  await changing(() => press("Control+z"));
  for (let undone = 0; undone < 4; undone += 1) await changing(() => press("Control+z"));
  assert.equal((await notes()).length, 20);
});

test("it plays, loops, clicks, and the place that is heard moves", async () => {
  await focus();
  await press("Home");
  await press("k");
  await press("o"); // all, so that it plays on however long this takes
  await press("Space");
  await until(({ transport }) => transport.playing && transport.tick > 200);
  const loudest = await loudness();
  assert.ok(loudest > 0.005 && loudest < 1, `${loudest} of full scale`);
  assert.equal(await page.locator("#play").getAttribute("aria-label"), "Pause");
  await press("Space");
  await until(({ transport, studio }) => !transport.playing && studio.cursor.tick > 0);
  await ask(({ studio }) => studio.choose({ begin: 0, stop: 240, tracks: new Set([studio.track]) }));
  await press("Space");
  await until(({ transport }) => transport.playing && transport.anchors.length > 2);
  assert.ok(await ask(({ transport }) => transport.tick < 400));
  await press("Space");
  await press("o");
  await press("k");
  await press("Escape");
});

test("the model goes on from the cursor, its notes stream, and stop keeps them", async () => {
  const stop = page.getByRole("button", { name: "Stop" });
  assert.equal(await stop.isVisible(), false);
  await focus();
  await press("End");
  const { size, tick } = await ask(({ studio }) => ({ size: studio.piece.notes.size, tick: studio.cursor.tick }));
  // Bars of 255 whole notes, so that no machine is through with 64 of them before it is stopped.
  await changing(() => ask(({ studio }, at) => void studio.edit({ kind: "time_signature", tick: at, numerator: 255, denominator: 1 }), tick));
  await page.getByLabel("Bars to go on").fill("64");
  const made = async () => (await notes()).filter(({ by }) => by > 0);
  for (const act of [() => stop.click(), () => press("s")]) {
    await focus();
    await press("g");
    await until(({ studio, transport }) => studio.making?.notes.length > 3 && transport.playing);
    assert.match(await page.locator("#written").textContent(), /^Writing: [\d,]+ notes, bar \d+$/);
    await act();
    await until(({ studio }, before) => !studio.making && studio.piece.notes.size > before, size);
    await ask(({ transport }) => transport.pause());
    assert.equal(await stop.isVisible(), false);
    assert.ok((await made()).length >= 3 && (await made()).every(({ start }) => start >= tick));
    assert.match(await page.locator("#said").textContent(), /^The model wrote [\d,]+ notes\.$/);
    await changing(() => press("Control+z"));
    assert.equal(await ask(({ studio }) => studio.piece.notes.size), size);
    await ask(({ transport }, at) => transport.seek(at), tick);
  }
  await changing(() => press("Control+Shift+z"));
  await page.getByText("Passages", { exact: true }).click();
  await page.getByRole("button", { name: "Use again" }).first().click();
  const seed = await page.locator("#seed").inputValue();
  assert.match(seed, /^\d+$/);
  await focus();
  for (let undone = 0; undone < 2; undone += 1) await changing(() => press("Control+z"));
  assert.equal(await ask(({ studio }) => studio.piece.notes.size), size);
  await page.locator("#seed").fill("");
});

test("a region over bars and tracks gives four takes, and one is taken", async () => {
  await focus();
  await press("Home");
  await press("f");
  const lanes = await page.locator("#lanes").boundingBox();
  const from = await place(BEAT * 4 + 50, 60);
  const to = await place(BEAT * 12 - 50, 60);
  await drag({ x: from.x, y: lanes.y + 8 }, { x: to.x, y: lanes.y + 12 });
  const region = await ask(({ studio }) => ({ ...studio.region, tracks: [...studio.region.tracks] }));
  assert.deepEqual([region.begin, region.stop, region.tracks.length], [BEAT * 4, BEAT * 12, 1]);
  await page.locator("#seed").fill("1");
  await page.getByRole("button", { name: "Make four takes" }).click();
  await until(({ studio }) => studio.takes && !studio.making);
  assert.equal(await ask(({ studio }) => studio.takes.takes.length), 4);
  const before = await notes();
  await page.getByRole("button", { name: /^Listen to take 2/ }).click();
  await until(({ transport, studio }) => transport.playing && studio.takes.chosen === 1);
  assert.equal(await page.locator(".listen").nth(2).getAttribute("aria-pressed"), "true");
  await picture("takes");
  await focus();
  await press("1");
  await until(({ studio }) => studio.takes.chosen === 0);
  await changing(() => page.getByRole("button", { name: "Take take 2" }).click());
  await ask(({ transport }) => transport.pause());
  const elsewhere = (all) => all.filter(({ start }) => start < BEAT * 4 || start >= BEAT * 12).map(({ id }) => id);
  assert.deepEqual(elsewhere(await notes()), elsewhere(before));
  assert.ok((await notes()).some(({ by }) => by > 0));
});

test("a region made anew keeps the rhythm, or the pitches, where that is asked", async () => {
  for (const [keep, columns] of [["rhythm", ["start", "duration", "velocity"]], ["pitches", ["pitch"]]]) {
    await page.getByLabel(keep, { exact: true }).check();
    await page.getByRole("button", { name: "Make four takes" }).click();
    await until(({ studio }) => studio.takes && !studio.making);
    const { old, takes } = await ask(({ studio }) => ({
      old: [...studio.takes.replaced].map((id) => studio.piece.notes.get(id)),
      takes: studio.takes.takes,
    }));
    const kept = (all) =>
      [...all].sort((a, b) => a.start - b.start || a.pitch - b.pitch).map((note) => columns.map((column) => note[column]));
    const whole = takes.filter(({ complete }) => complete);
    assert.ok(whole.length > 0, keep);
    for (const take of whole) assert.deepEqual(kept(take.notes), kept(old), keep);
    await page.getByRole("button", { name: "Take none" }).click();
    await until(({ studio }) => !studio.takes);
  }
  await page.getByLabel("nothing", { exact: true }).check();
});

test("a MIDI keyboard plays and records, and an instrument plays the piece", async () => {
  await page.getByRole("tab", { name: "MIDI" }).click();
  await page.getByRole("button", { name: "Look for MIDI devices" }).click();
  assert.equal(await page.locator("#panel-midi li").textContent(), "A <keyboard>");
  await focus();
  await press("Home");
  await page.locator("#record").click();
  await until(({ midi, transport }) => midi.recording && transport.playing);
  const key = async (...data) => {
    await page.evaluate((bytes) => globalThis.devices.press(...bytes), data);
    const tick = await ask(({ transport }) => transport.tick);
    await until(({ transport }, from) => transport.tick > from + 60, tick);
  };
  const size = await ask(({ studio }) => studio.piece.notes.size);
  await key(0x90, 91, 100);
  await key(0x80, 91, 0);
  await key(0x90, 93, 70);
  await key(0x90, 93, 0); // a note-on without velocity ends a note too
  await changing(() => page.locator("#record").click());
  const recorded = (await notes()).filter(({ by }) => by === 0);
  assert.deepEqual(recorded.map(({ pitch, velocity }) => [pitch, velocity]), [[91, 100], [93, 70]]);
  assert.ok(recorded[0].duration >= 60 && recorded[1].start >= recorded[0].start + recorded[0].duration);
  await page.getByLabel("Where the piece sounds").selectOption("An instrument");
  await focus();
  await press("Home");
  await press("Space");
  const sent = () => page.evaluate(() => globalThis.devices.sent);
  await page.waitForFunction(() => globalThis.devices.sent.some(([status]) => status >> 4 === 9));
  await press("Space");
  await page.waitForFunction(() => globalThis.devices.sent.some(([status, number]) => status === 0xb0 && number === 123));
  const first = await ask(({ studio }) => Math.min(...[...studio.piece.notes.values()].map(({ start }) => start)));
  const ons = (await sent()).filter(([status]) => status >> 4 === 9);
  assert.ok((await sent()).some(([status]) => status >> 4 === 12), "it is told the program");
  assert.ok((await notes()).some(({ start, pitch }) => start === first && pitch === ons[0][1]));
  await page.getByLabel("Where the piece sounds").selectOption("howlkit's own instruments");
  await focus();
  await changing(() => press("Control+z"));
  assert.equal(await ask(({ studio }) => studio.piece.notes.size), size);
  await page.getByRole("tab", { name: "Together" }).click();
});

test("the history is a tree to walk in", async () => {
  await page.getByRole("tab", { name: "History" }).click();
  const rows = page.locator(".history li");
  assert.ok((await rows.count()) > 8);
  assert.ok((await page.locator(".history .column-1").count()) > 0);
  await picture("history");
  const { head, size } = await ask(({ studio }) => ({ head: studio.piece.head, size: studio.piece.notes.size }));
  await changing(() => rows.last().getByRole("button").click());
  assert.equal(await ask(({ studio }) => studio.piece.head), 0);
  await changing(() => rows.first().getByRole("button").click());
  assert.ok(await ask(({ studio }) => studio.piece.head === Math.max(...studio.states.keys())));
  await changing(() => ask(({ studio }, to) => void studio.ask({ do: "go", to }), head));
  assert.equal(await ask(({ studio }) => studio.piece.notes.size), size);
});

test("notes are a list for screen readers", async () => {
  await page.getByRole("tab", { name: "Notes" }).click();
  const first = page.locator(".note-list button").first();
  assert.match(await first.textContent(), /^C4, bar 1, beat 1, 0.83 beats, velocity 80, from a file/);
  await first.click();
  assert.equal(await ask(({ studio }) => studio.selection.size), 1);
  assert.equal(await first.getAttribute("aria-pressed"), "true");
});

test("every note is coloured by who wrote it, by track, or by surprise", async () => {
  await page.locator("#colour-by").selectOption("surprise");
  await until(({ studio }) => studio.surprise.size === studio.piece.notes.size);
  await picture("surprise");
  await page.locator("#colour-by").selectOption("author");
});

test("tracks are added, named, muted and removed", async () => {
  await changing(() => page.locator("#add-track").click());
  const name = page.locator(".track-name").last();
  await changing(async () => {
    await name.fill('<img src=x onerror="stolen=1">');
    await name.press("Enter");
  });
  const title = page.locator("#name");
  const rename = async (to) => {
    await title.fill(to);
    await title.press("Enter");
    await until(({ studio }, text) => studio.piece.name === text, to);
  };
  await rename('<img src=x onerror="stolen=2">');
  await page.getByText("File", { exact: true }).click();
  await page.locator("#projects").getByText("<img src=x").waitFor();
  await page.getByText("File", { exact: true }).click();
  assert.match(await page.title(), /^<img/);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.evaluate(() => "stolen" in globalThis), false);
  await rename("tune.mid");
  await page.locator(".flag.muted").first().click();
  assert.equal(await page.locator("li.silent").count(), 1);
  await page.locator(".flag.muted").first().click();
  await changing(() => press("Control+z"));
  await changing(() => press("Control+z"));
});

test("the piece is saved and exported", async () => {
  await page.getByText("File", { exact: true }).click();
  await picture("menu");
  const exports = await ask(({ studio }) => studio.exports);
  for (const [format, name, suffix, begin] of [
    ["mid", "MIDI file", /\.mid$/, "MThd"],
    ["wav", "Sound (.wav)", /\.wav$/, "RIFF"],
    ["musicxml", "Sheet music (.musicxml)", /\.musicxml$/, "<?xm"],
    ["report", "Report page", /\.html$/, "<!do"],
  ]) {
    const button = page.getByRole("button", { name: `Export: ${name}` });
    if (exports[format]) {
      assert.ok(await button.isDisabled());
      assert.ok(await page.getByText(exports[format]).isVisible());
      continue;
    }
    const [download] = await Promise.all([page.waitForEvent("download", { timeout: 120_000 }), button.click()]);
    assert.match(download.suggestedFilename(), suffix);
    const bytes = readFileSync(await download.path());
    assert.equal(bytes.subarray(0, 4).toString(), begin);
    if (format === "mid") assert.ok(bytes.includes('"made_by":"howlkit"'), "it says how it was made");
    await page.getByText("File", { exact: true }).click();
  }
  await page.getByRole("button", { name: "Save as MIDI" }).click();
  await page.waitForFunction(() => document.querySelector("#said").textContent.startsWith("Saved as"));
});

test("a link that breaks comes back with the piece", async () => {
  const before = await notes();
  const again = ask(({ studio }) => new Promise((resolve) => studio.link.on("piece", () => resolve(true))));
  await ask(({ studio }) => studio.link.socket.close());
  await again;
  assert.deepEqual(await notes(), before);
});

test("a MIDI file is opened, ten thousand notes are drawn and edited at once", async () => {
  const large = process.env.LARGE;
  await page.locator("#open-file").setInputFiles(large);
  await until(({ studio }) => studio.piece.notes.size === 10000);
  const costs = await ask(async ({ studio, view, roll, showAll }) => {
    showAll();
    const cost = async (act) => {
      const costs = [];
      for (let turn = 0; turn < 9; turn += 1) {
        await new Promise(requestAnimationFrame);
        const from = performance.now();
        act();
        costs.push(performance.now() - from);
      }
      return costs.sort((one, other) => one - other)[0];
    };
    const all = () => {
      roll.redraw("ground", "notes", "over");
      roll.draw();
    };
    const whole = await cost(all);
    view.zoom(8);
    const near = await cost(all);
    const [first] = studio.piece.notes.keys();
    studio.select([first]);
    const edits = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const from = performance.now();
      roll.element.dispatchEvent(new KeyboardEvent("keydown", { key: turn % 2 ? "ArrowDown" : "ArrowUp", bubbles: true }));
      roll.draw();
      edits.push(performance.now() - from);
      const { head } = studio.piece;
      for (let wait = 0; studio.piece.head === head && wait < 400; wait += 1) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    return { whole, near, edit: Math.min(...edits) };
  });
  console.log(`ten thousand notes: ${JSON.stringify(costs)} ms`);
  await picture("large");
});

test("it is accessible, light and dark, wide and narrow", async () => {
  const open = await browser.newContext({ storageState: await context.storageState(), bypassCSP: true });
  const other = await open.newPage();
  await other.goto(new URL("/", STUDIO).href);
  await other.waitForFunction(() => document.querySelectorAll("#tracks li").length > 0);
  await other.evaluate(AXE);
  for (const [width, colorScheme] of [[1280, "light"], [800, "dark"]]) {
    await other.setViewportSize({ width, height: 860 });
    await other.emulateMedia({ colorScheme });
    for (const tab of width === 800 ? ["Together"] : ["Together", "History", "Notes", "MIDI"]) {
      await other.getByRole("tab", { name: tab }).click();
      const found = await other.evaluate(() => globalThis.axe.run());
      const barriers = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      assert.deepEqual(barriers.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `${tab}, ${width}, ${colorScheme}`);
    }
    const wide = await other.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${wide} pixels wide in ${width}`);
  }
  await open.close();
});

test("who comes for the first time finds a piece of the model, hears it and goes on from it", async () => {
  await open(FIRST);
  assert.ok(await ask(({ studio }) => studio.piece.notes.size > 100));
  assert.match(await page.title(), /First piece/);
  assert.match(await page.locator("#legend").textContent(), /model, from bar 1/);
  await picture("first-piece");
  await focus();
  await press("Space");
  await until(({ transport }) => transport.playing && transport.tick > 200);
  const loudest = await loudness();
  assert.ok(loudest > 0.005 && loudest < 1, `${loudest} of full scale`);
  await press("Space");
  await press("End");
  await page.getByLabel("Bars to go on").fill("2");
  await focus();
  await changing(() => press("g"));
  await until(({ studio }) => !studio.making);
  const { tracks, passages } = await ask(({ studio }) => ({
    tracks: new Set([...studio.piece.notes.values()].filter(({ by }) => by !== 1).map(({ track }) => track)).size,
    passages: studio.piece.passages.size,
  }));
  assert.deepEqual([await page.locator("#tracks li").count(), passages], [4, 2]);
  assert.ok(tracks > 1, "the voices go on on their tracks");
  await page.close();
});

test("nothing was said on the console, and nothing was asked of another machine", () => {
  assert.deepEqual(said, []);
});
