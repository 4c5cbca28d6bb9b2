// Reads and writes the lines of an environment as the panel does (apps/applications/environment.py).
"use strict";

const DOTENV_MASK = "••••••••";

// The lines of `text`: { text } for what is no assignment, else { start, before, name, raw, value, after }: what stands
// up to the value ("export NAME = "), of that what is before the name, the name, the value as written and as meant, and
// the rest with its line end. Null where the text has faults.
function readDotenv(text) {
  const parts = [];
  let at = 0;
  const rest = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  while (at < text.length) {
    const blank = rest(/[ \t]*(?:#[^\n]*)?(?:\n|$)/y);
    if (blank) {
      parts.push({ text: blank[0] });
      at += blank[0].length;
      continue;
    }
    const start = rest(/([ \t]*(?:export[ \t]+)?)([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=/y);
    if (!start) return null;
    at += start[0].length;
    let gap = rest(/[ \t]*(?=['"])/y)?.[0] ?? "";
    at += gap.length;
    const quoted = rest(/'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"/y);
    let raw, value;
    if (quoted) {
      raw = quoted[0];
      value = quoted[1] ?? quoted[2].replace(/\\([nrt"\\$])/g, (_, sign) => ({ n: "\n", r: "\r", t: "\t" })[sign] ?? sign);
    } else {
      if (/^['"]/.test(text.slice(at, at + 1))) return null;
      // A blank and # begin a comment. No pattern for the end: one looks at long blanks again and again.
      const line = rest(/[^\n]*/y)[0];
      const comment = line.search(/[ \t]#/);
      let end = comment < 0 ? line.length : comment;
      while (end && " \t".includes(line[end - 1])) end -= 1;
      raw = line.slice(0, end);
      gap = /^[ \t]*/.exec(raw)[0];
      at += gap.length;
      raw = raw.slice(gap.length);
      value = raw;
    }
    at += raw.length;
    const after = rest(/[ \t]*(?:[ \t]#[^\n]*)?(?:\n|$)/y);
    if (!after) return null;
    at += after[0].length;
    parts.push({ start: start[0] + gap, before: start[1], name: start[2], raw, value, after: after[0] });
  }
  return parts;
}

// `value` as it is written after NAME=.
function writeDotenvValue(value) {
  if (/^[A-Za-z0-9_./:@%+,=-]*$/.test(value)) return value;
  if (!/['\r]/.test(value)) return `'${value}'`;
  return `"${value.replace(/[\\"]/g, "\\$&").replace(/\r/g, "\\r")}"`;
}
