/**
 * Renders the first piece of a page without playing it, as its player would: for the tests, which
 * compare it with howlkit's own renderer.
 */

import { Instruments } from "../../howlkit/music/page/script/instruments.js";
import { pageData } from "../../howlkit/music/page/script/page_data.js";
import { limiter, voicesOf, WARM } from "../../howlkit/music/page/script/sounds.js";

const RATE = 44100;

/** Return the bytes of the left and the right side, from WARM seconds before the piece on. */
globalThis.rendered = async () => {
  const [piece] = pageData("pieces");
  const context = new OfflineAudioContext(2, Math.ceil((WARM + piece.seconds) * RATE), RATE);
  const instruments = new Instruments(context, pageData("recordings"));
  const voices = voicesOf(piece.voices);
  await instruments.prepare(new Set(voices.map((voice) => voice.tone)));
  const out = limiter(context, context.destination);
  for (const voice of voices) instruments.play(voice, WARM + voice.start, 0, out);
  const sound = await context.startRendering();
  return [sound.getChannelData(0), sound.getChannelData(1)].map((side) => {
    const bytes = new Uint8Array(side.buffer);
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    return btoa(text);
  });
};
