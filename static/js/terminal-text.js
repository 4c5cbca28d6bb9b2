// What a terminal would show of a line of output: colours as classes, other control sequences dropped.
"use strict";

// terminalText(raw) returns { text, runs }: the plain text, and the stretches of it that have a look, as
// [{ start, end, css }], or null where it has none. Each line begins without a look of its own.
const terminalText = (() => {
  // eslint-disable-next-line no-control-regex
  const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;
  // In this order: CSI, the strings OSC, DCS, SOS, PM and APC up to their end (ECMA-48, 5.4 and 5.6), other
  // escapes, and what is left of control characters; a tab is text.
  const SEQUENCE = new RegExp(
    [
      "(?:\\u001b\\[|\\u009b)([0-?]*)[ -/]*([@-~])",
      "(?:\\u001b[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u009c]*(?:\\u0007|\\u001b\\\\|\\u009c|$)",
      "\\u001b[ -/]*[0-~]?",
      "[\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f]",
    ].join("|"),
    "g",
  );
  const PLAIN = { fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, inverse: false };
  // The sixteen colours as xterm mixes them; others become the nearest of these, which are readable on both grounds.
  const PALETTE = [
    [0, 0, 0], [205, 0, 0], [0, 205, 0], [205, 205, 0], [0, 0, 238], [205, 0, 205], [0, 205, 205], [229, 229, 229],
    [127, 127, 127], [255, 0, 0], [0, 255, 0], [255, 255, 0], [92, 92, 255], [255, 0, 255], [0, 255, 255], [255, 255, 255],
  ];

  function nearest(red, green, blue) {
    let best = 0;
    let least = Infinity;
    PALETTE.forEach(([r, g, b], number) => {
      const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
      if (distance < least) [best, least] = [number, distance];
    });
    return best;
  }

  function ofTheCube(number) {
    if (number < 16) return number;
    if (number >= 232) return nearest(...Array(3).fill(8 + (number - 232) * 10));
    const level = (value) => (value ? 55 + value * 40 : 0);
    return nearest(...[36, 6, 1].map((size) => level(Math.floor((number - 16) / size) % 6)));
  }

  // The colour that 38 or 48 is followed by, and how many numbers tell it.
  function extended(codes, place) {
    if (codes[place] === 5) return [ofTheCube(codes[place + 1] & 255), 2];
    if (codes[place] === 2) return [nearest(...codes.slice(place + 1, place + 4)), 4];
    return [null, 0];
  }

  function changed(look, parameters) {
    const codes = parameters.split(/[;:]/).map(Number);
    let now = look;
    const set = (change) => { now = { ...now, ...change }; };
    for (let place = 0; place < codes.length; place += 1) {
      const code = codes[place];
      if (code === 0) now = PLAIN;
      else if (code === 1) set({ bold: true });
      else if (code === 2) set({ dim: true });
      else if (code === 3) set({ italic: true });
      else if (code === 4) set({ underline: true });
      else if (code === 7) set({ inverse: true });
      else if (code === 22) set({ bold: false, dim: false });
      else if (code === 23) set({ italic: false });
      else if (code === 24) set({ underline: false });
      else if (code === 27) set({ inverse: false });
      else if (code >= 30 && code <= 37) set({ fg: code - 30 });
      else if (code === 39) set({ fg: null });
      else if (code >= 40 && code <= 47) set({ bg: code - 40 });
      else if (code === 49) set({ bg: null });
      else if (code >= 90 && code <= 97) set({ fg: code - 82 });
      else if (code >= 100 && code <= 107) set({ bg: code - 92 });
      else if (code === 38 || code === 48) {
        const [colour, length] = extended(codes, place + 1);
        set(code === 38 ? { fg: colour } : { bg: colour });
        place += length;
      }
    }
    return now;
  }

  function classesOf(look) {
    const classes = [];
    // On a ground of its own a text keeps the colour of text: that is readable on each of them.
    const ground = look.inverse ? look.fg ?? 7 : look.bg;
    if (ground !== null) classes.push(`ansi-bg-${ground}`);
    else if (look.fg !== null) classes.push(`ansi-fg-${look.fg}`);
    for (const name of ["bold", "dim", "italic", "underline"]) if (look[name]) classes.push(`ansi-${name}`);
    return classes.join(" ");
  }

  // A progress line that was written over and over: what stood there last.
  function folded(raw) {
    if (!raw.includes("\r")) return raw;
    return raw.split("\r").filter(Boolean).at(-1) ?? "";
  }

  return (given) => {
    if (!CONTROL.test(given)) return { text: given, runs: null };
    const raw = folded(given);
    const runs = [];
    let text = "";
    let look = PLAIN;
    let place = 0;
    const take = (piece) => {
      const css = piece && classesOf(look);
      if (css) runs.push({ start: text.length, end: text.length + piece.length, css });
      text += piece;
    };
    for (const found of raw.matchAll(SEQUENCE)) {
      take(raw.slice(place, found.index));
      place = found.index + found[0].length;
      if (found[2] === "m" && !/[<=>?]/.test(found[1])) look = changed(look, found[1]);
    }
    take(raw.slice(place));
    return { text, runs: runs.length ? runs : null };
  };
})();
