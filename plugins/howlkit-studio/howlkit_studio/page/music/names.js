/**
 * Names of pitches, drums and instruments.
 */

const PITCHES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);

/** The program that stands for drums. */
export const DRUMS = 128;

/** General MIDI's instruments, in its order; drums last. */
export const PROGRAMS = `Grand Piano|Bright Piano|Electric Grand|Honky-tonk|Electric Piano 1|Electric Piano 2|Harpsichord|Clavinet|Celesta|Glockenspiel|Music Box|Vibraphone|Marimba|Xylophone|Tubular Bells|Dulcimer|Drawbar Organ|Percussive Organ|Rock Organ|Church Organ|Reed Organ|Accordion|Harmonica|Tango Accordion|Nylon Guitar|Steel Guitar|Jazz Guitar|Clean Guitar|Muted Guitar|Overdriven Guitar|Distortion Guitar|Guitar Harmonics|Acoustic Bass|Fingered Bass|Picked Bass|Fretless Bass|Slap Bass 1|Slap Bass 2|Synth Bass 1|Synth Bass 2|Violin|Viola|Cello|Contrabass|Tremolo Strings|Pizzicato Strings|Harp|Timpani|Strings 1|Strings 2|Synth Strings 1|Synth Strings 2|Choir Aahs|Voice Oohs|Synth Voice|Orchestra Hit|Trumpet|Trombone|Tuba|Muted Trumpet|French Horn|Brass Section|Synth Brass 1|Synth Brass 2|Soprano Sax|Alto Sax|Tenor Sax|Baritone Sax|Oboe|English Horn|Bassoon|Clarinet|Piccolo|Flute|Recorder|Pan Flute|Blown Bottle|Shakuhachi|Whistle|Ocarina|Square Lead|Sawtooth Lead|Calliope Lead|Chiff Lead|Charang Lead|Voice Lead|Fifths Lead|Bass and Lead|New Age Pad|Warm Pad|Polysynth Pad|Choir Pad|Bowed Pad|Metallic Pad|Halo Pad|Sweep Pad|Rain|Soundtrack|Crystal|Atmosphere|Brightness|Goblins|Echoes|Sci-fi|Sitar|Banjo|Shamisen|Koto|Kalimba|Bagpipe|Fiddle|Shanai|Tinkle Bell|Agogo|Steel Drums|Woodblock|Taiko|Melodic Tom|Synth Drum|Reverse Cymbal|Fret Noise|Breath Noise|Seashore|Bird|Telephone|Helicopter|Applause|Gunshot|Drums`.split("|");

const DRUM_NAMES = new Map(
  Object.entries({
    35: "Bass drum 2", 36: "Bass drum", 37: "Side stick", 38: "Snare", 39: "Clap", 40: "Snare 2", 41: "Low tom",
    42: "Closed hi-hat", 43: "Floor tom", 44: "Pedal hi-hat", 45: "Tom", 46: "Open hi-hat", 47: "Mid tom",
    48: "High-mid tom", 49: "Crash", 50: "High tom", 51: "Ride", 52: "China", 53: "Ride bell", 54: "Tambourine",
    55: "Splash", 56: "Cowbell", 57: "Crash 2", 59: "Ride 2", 69: "Cabasa", 70: "Maracas", 75: "Claves",
  }).map(([pitch, name]) => [Number(pitch), name]),
);

/**
 * @param {number} pitch 0 to 127
 * @returns {string} such as "C4", the middle of a piano
 */
export function pitchName(pitch) {
  return `${PITCHES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
}

/**
 * @param {number} pitch
 * @param {number} program
 */
export function keyName(pitch, program) {
  return (program === DRUMS && DRUM_NAMES.get(pitch)) || pitchName(pitch);
}

/**
 * The name of a track; that of its instrument if it has none.
 *
 * @param {{ name: string, program: number } | undefined} track
 */
export function trackName(track) {
  return track ? track.name || PROGRAMS[track.program] : "no track";
}

/** @param {number} pitch */
export function isBlack(pitch) {
  return BLACK.has(pitch % 12);
}

/** @param {string} text as people write a pitch: "F#3", "Bb2", "60" */
export function pitchOf(text) {
  const said = text.trim();
  if (/^\d+$/.test(said)) return Number(said) <= 127 ? Number(said) : null;
  const parts = /^([A-G])([#♯b♭]?)(-?\d)$/i.exec(said);
  if (!parts) return null;
  const natural = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 }[parts[1].toUpperCase()] ?? 0;
  const raised = parts[2] === "" ? 0 : "#♯".includes(parts[2]) ? 1 : -1;
  const pitch = natural + raised + 12 * (Number(parts[3]) + 1);
  return pitch >= 0 && pitch <= 127 ? pitch : null;
}
