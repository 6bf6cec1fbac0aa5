/**
 * Opens a page with tests/pages/rendering.js in it, and writes the sound of its first piece:
 *
 *     node rendering.mjs PAGE LEFT RIGHT     files of 32-bit floats, at 44,100 samples a second
 */

import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const [page, ...files] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox"],
});
try {
  const tab = await browser.newPage();
  await tab.goto(pathToFileURL(page).href);
  const sides = await tab.evaluate(() => globalThis.rendered());
  sides.forEach((side, at) => writeFileSync(files[at], Buffer.from(side, "base64")));
} finally {
  await browser.close();
}
