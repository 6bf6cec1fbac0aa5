"""A piece in a notebook: its piano-roll and a button that plays it, in one piece of HTML.

Nothing is fetched and nothing is installed: the sound is made by the browser (Web Audio), a soft
tone a note and a burst of noise a drum, which is enough to hear what was composed.
"""

from __future__ import annotations

import json
from html import escape

import numpy as np

from howlkit.music.piece import Piece
from howlkit.music.plot.saving import to_svg
from howlkit.music.tables import DRUMS

__all__ = ["html"]

AHEAD = 0.5  # seconds of music handed to the browser at a time, so that no length is too long

PLAYER = """
(function (button) {
  if (button.stop) { button.stop(); return; }
  const notes = JSON.parse(button.dataset.notes), audio = new AudioContext();
  const out = new DynamicsCompressorNode(audio);
  out.connect(audio.destination);
  const hiss = audio.createBuffer(1, audio.sampleRate / 8, audio.sampleRate);
  hiss.getChannelData(0).forEach((_, i, data) => { data[i] = Math.random() * 2 - 1; });
  const zero = audio.currentTime + 0.1;
  let next = 0;
  function play([start, length, pitch, velocity, drum]) {
    const source = drum ? new AudioBufferSourceNode(audio, {buffer: hiss})
      : new OscillatorNode(audio,
        {type: 'triangle', frequency: 440 * 2 ** ((pitch - 69) / 12)});
    const loudness = new GainNode(audio, {gain: 0}), from = zero + start / 1000;
    const held = drum ? 0.05 : length / 1000, level = 0.25 * (velocity / 127) ** 2;
    loudness.gain.setValueAtTime(0, from);
    loudness.gain.linearRampToValueAtTime(level, from + 0.005);
    loudness.gain.setTargetAtTime(level / 2, from + 0.005, 0.3);
    loudness.gain.setTargetAtTime(0, from + Math.max(held, 0.005), 0.03);
    source.connect(loudness).connect(out);
    source.start(from);
    source.stop(from + held + 0.2);
  }
  const timer = setInterval(function () {
    while (next < notes.length
      && zero + notes[next][0] / 1000 < audio.currentTime + AHEAD) play(notes[next++]);
    if (zero + button.dataset.seconds * 1 + 0.3 < audio.currentTime) button.stop();
  }, 100);
  button.stop = function () {
    clearInterval(timer); audio.close(); button.stop = null; button.textContent = '\\u25b6 Play';
  };
  button.textContent = '\\u25a0 Stop';
})(this)
""".replace("AHEAD", str(AHEAD))
"""What a click on the button does: plays from the beginning, or stops."""


def html(piece: Piece) -> str:
    """Return the piano-roll of `piece` above a button that plays it, as HTML to put in a page.

    The notes go along as JSON rows of start and length in milliseconds, pitch, velocity, and
    whether it is a drum.
    """
    starts = piece.seconds(piece.notes["start"])
    lengths = piece.seconds(piece.ends) - starts
    columns = [np.rint(1000 * starts), np.rint(1000 * lengths), piece.notes["pitch"]]
    columns += [piece.notes["velocity"], piece.notes["program"] == DRUMS]
    notes = json.dumps(np.stack(columns, axis=1).astype(int).tolist(), separators=(",", ":"))
    button = (
        f'<button type="button" data-notes="{notes}" data-seconds="{piece.seconds_long:.3f}" '
        f'onclick="{escape(PLAYER.strip())}">&#9654; Play</button>'
    )
    return f"<div>{to_svg(piece)}<div>{button}</div></div>"
