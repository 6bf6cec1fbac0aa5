/**
 * The pages of howlkit in a browser: each test opens one that test_pages.py has written to PAGES.
 *
 * CHROMIUM is the browser, SHOTS a folder for screenshots, if they are wanted.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const { CHROMIUM, PAGES, SHOTS } = process.env;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCHEMES = ["light", "dark"];
const WIDTHS = [1280, 800, 390];

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
});
after(() => browser.close());

/** Open a page; whatever it says on the console or asks of a network makes the test fail. */
async function opened(name, { bypassCSP = false } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
    bypassCSP,
  });
  const page = await context.newPage();
  page.said = [];
  page.on("console", (message) => page.said.push(message.text()));
  page.on("pageerror", (error) => page.said.push(String(error)));
  page.on("dialog", (dialog) => {
    page.said.push(dialog.type());
    dialog.accept();
  });
  page.on("request", (request) => {
    if (!/^(file|blob):/.test(request.url())) page.said.push(request.url());
  });
  await page.goto(pathToFileURL(join(PAGES, name)).href);
  await page.waitForFunction(() => !document.querySelector("section:not([hidden]) .play:disabled"));
  return page;
}

async function closed(page) {
  assert.deepEqual(page.said, []);
  await page.context().close();
}

/** What axe finds that keeps people from using a page. */
async function barriers(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run());
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}

const position = (page, at = 0) =>
  page.evaluate((number) => {
    const cursor = document.querySelectorAll(".cursor")[number];
    return new DOMMatrix(getComputedStyle(cursor).transform).m41;
  }, at);
const label = (page, at = 0) => page.locator(".play").nth(at).getAttribute("aria-label");
const second = async (page, at = 0) =>
  Number(await page.locator(".timeline").nth(at).getAttribute("aria-valuenow"));

test("pages are accessible and as wide as the window, light and dark", async () => {
  for (const name of ["run.html", "hostile.html", "play.html"]) {
    const page = await opened(name, { bypassCSP: true });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(() => new Promise(requestAnimationFrame));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${name} is ${wide} pixels wide in ${width}`);
        if (SHOTS) {
          const path = join(SHOTS, `${name.replace(".html", "")}-${colorScheme}-${width}.png`);
          await page.screenshot({ path, fullPage: true });
        }
        if ((width === 1280) === (colorScheme === "light")) {
          assert.deepEqual(await barriers(page), [], `${name}, ${width}, ${colorScheme}`);
        }
      }
    }
    await closed(page);
  }
});

test("a piece plays, its cursor moves with the sound, and another one stops it", async () => {
  const page = await opened("run.html");
  assert.equal(await label(page), "Play Piece 1");
  await page.locator(".play").first().click();
  await page.waitForFunction(
    () => document.querySelector(".timeline").getAttribute("aria-valuenow") === "1",
  );
  assert.equal(await label(page), "Pause Piece 1");
  const seen = await page.evaluate(async () => {
    const element = document.querySelector(".timeline");
    const cursor = element.querySelector(".cursor");
    const looks = [];
    for (let look = 0; look < 2; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, look ? 1500 : 0));
      await new Promise(requestAnimationFrame);
      looks.push([performance.now(), new DOMMatrix(getComputedStyle(cursor).transform).m41]);
    }
    const spacer = element.querySelector(".spacer").getBoundingClientRect().width;
    return { looks, perSecond: (spacer - 48) / Number(element.getAttribute("aria-valuemax")) };
  });
  const [[then, x], [now, later]] = seen.looks;
  const pace = (later - x) / seen.perSecond / ((now - then) / 1000);
  assert.ok(pace > 0.75 && pace < 1.25, `${pace} seconds of the piece a second`);
  await page.locator(".play").nth(1).click();
  await page.waitForFunction(
    () => document.querySelectorAll(".play")[1].getAttribute("aria-label") === "Pause Piece 2",
  );
  assert.equal(await label(page), "Play Piece 1");
  await closed(page);
});

test("keys play, pause and seek, on the page and on the slider", async () => {
  const page = await opened("play.html");
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector(".play.playing"));
  await page.keyboard.press("Space");
  assert.match(await label(page), /^Play /);
  await page.keyboard.press("ArrowRight");
  assert.ok((await second(page)) >= 5);
  await page.locator(".timeline").focus();
  await page.keyboard.press("Home");
  assert.equal(await second(page), 0);
  await page.keyboard.press("ArrowUp");
  assert.equal(await second(page), 1);
  await page.keyboard.press("End");
  const last = await second(page);
  assert.equal(last, Number(await page.locator(".timeline").getAttribute("aria-valuemax")));
  await page.locator(".play").focus();
  await page.keyboard.press("Space"); // the button's own key: it plays once, from the beginning
  await page.waitForFunction(() => document.querySelector(".play.playing"));
  assert.ok((await second(page)) < last);
  await closed(page);
});

test("a click on the roll goes there, and the cursor with it", async () => {
  const page = await opened("play.html");
  const box = await page.locator(".timeline").boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + 60);
  assert.ok(Math.abs((await position(page)) - box.width / 2) < 2);
  assert.ok((await second(page)) > 1);
  await closed(page);
});

test("a rendered sound plays too", async () => {
  const page = await opened("rendered.html");
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector(".clock").textContent.startsWith("0:01"));
  await closed(page);
});

test("hostile names are text, and nothing else", async () => {
  const page = await opened("hostile.html");
  assert.equal(await page.evaluate(() => document.querySelectorAll("img, b").length), 0);
  assert.equal(await page.evaluate(() => globalThis.stolen), undefined);
  const text = await page.locator("body").innerText();
  assert.match(text, /<img src=x onerror=/);
  assert.doesNotMatch(text, /[\u001b\u202e\u2066]/);
  await page.locator(".play").first().click();
  await page.waitForFunction(() => document.querySelector(".play.playing"));
  await closed(page);
});

test("the policy of a page keeps out scripts that are not its own", async () => {
  const page = await opened("play.html");
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.stolen = 1";
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", '<i onclick="globalThis.stolen = 1">x</i>');
    document.querySelector("i").click();
    return fetch("https://example.invalid/").catch(() => {});
  });
  assert.equal(await page.evaluate(() => globalThis.stolen), undefined);
  assert.ok(page.said.some((line) => line.includes("Content Security Policy")));
  await page.context().close();
});

test("a listening test is taken by keyboard and mouse, and gives a file of answers", async () => {
  const page = await opened("test.html", { bypassCSP: true });
  const check = async (state) => {
    assert.deepEqual(await barriers(page), []);
    const text = (await page.locator("body").innerText()) + (await page.title());
    assert.doesNotMatch(text, /secret/i);
    if (SHOTS) await page.screenshot({ path: join(SHOTS, `test-${state}.png`), fullPage: true });
  };
  await check("intro");
  await page.locator("#listener").fill("Anna <b>");
  await page.locator("#begin").click();
  await page.waitForFunction(() => !document.querySelector("#first .play:disabled"));
  assert.ok(await page.locator("#answer-first").isDisabled());
  for (let pair = 1; pair <= 3; pair += 1) {
    assert.equal(await page.locator("#progress").innerText(), `Pair ${pair} of 3`);
    for (const side of ["#first", "#second"]) {
      await page.locator(`${side} .play`).click();
      await page.waitForFunction(
        (id) => Number(document.querySelector(`${id} .timeline`).getAttribute("aria-valuenow")) >= 2,
        side,
      );
    }
    await page.waitForFunction(() => !document.querySelector("#answer-first").disabled);
    if (pair === 1) await check("pair");
    await page.locator(pair === 2 ? "#answer-second" : "#answer-first").click();
  }
  await page.locator("#comment").fill("</script><b>loud");
  await check("end");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("#save").click(),
  ]);
  assert.match(download.suggestedFilename(), /^answers-[0-9a-f]{16}-[0-9a-z]+\.json$/);
  await download.saveAs(join(PAGES, "answers.json"));
  await closed(page);
});
