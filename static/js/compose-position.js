// Where in a Compose file the cursor stands: told from the indentation of the lines above it, since a text that
// somebody is writing is seldom whole YAML.
"use strict";

// A line as far as positions need it: its dashes and its key, each with its column; null where it says nothing.
function readComposeLine(text) {
  const start = /^ *((?:- +)*(?:-$)?)/.exec(text);
  const indent = text.length - text.trimStart().length;
  let rest = text.slice(start[0].length);
  if (!text.trim() || text.trimStart().startsWith("#")) return null;
  const dashes = [];
  for (let at = indent; at < start[0].length; at += 1) if (text[at] === "-") dashes.push(at);
  // No blanks before the colon beside what may hold some: a long run of them would be tried in every way.
  const pair = /^(?:"([^"]*)"\s*|'([^']*)'\s*|([^\s"'#[\]{},][^:#]*)):(?:\s+(.*))?$/s.exec(rest);
  const key = pair ? pair[1] ?? pair[2] ?? pair[3].trimEnd() : null;
  const value = (pair?.[4] ?? "").replace(/^&\S+\s*/, "").replace(/(^|\s)#.*$/, "").trim();
  return { dashes, column: start[0].length, key, value, isBlockText: /^[|>]/.test(value) };
}

// The names that lead to what begins at `column` below line `number`: keys, and "[]" for an item of a list.
// Null inside a block of text, where nothing is YAML.
function composeParents(lines, number, column, isItem) {
  const path = [];
  let last = isItem;
  for (let i = number - 1; i >= 0 && (column > 0 || last); i -= 1) {
    const indent = lines[i].search(/[^ ]/);
    if (indent > column || (indent === column && !last)) continue; // It leads to nothing that is further left.
    const line = readComposeLine(lines[i]);
    if (!line) continue;
    const isAbove = line.column < column || (last && line.column === column && !line.dashes.length);
    if (line.key !== null && isAbove) {
      if (line.isBlockText) return null;
      path.unshift(line.key);
      column = line.column;
      last = false;
    }
    for (const dash of line.dashes.toReversed()) {
      if (dash >= column) continue;
      path.unshift("[]");
      column = dash;
      last = true;
    }
  }
  return path;
}

// What is being written at the end of `before`, the beginning of line `number` (from 0) of `lines`:
// { kind: "key" | "value", path, typed }, where `path` leads to the mapping of the key or to the value itself, and
// `typed` is what there is of it. A key may turn out to be a plain item of a list. Null where nothing is to be said.
function composePosition(lines, number, before) {
  if (/(^|\s)#/.test(before)) return null;
  const start = /^ *(?:- +)*/.exec(before)[0];
  const dashes = [...start].flatMap((sign, at) => (sign === "-" ? [at] : []));
  const rest = before.slice(start.length);
  const pair = /^["']?([^\s"'[\]{}][^:"']*)["']?:\s+(.*)$/s.exec(rest);
  const path = composeParents(lines, number, dashes[0] ?? start.length, dashes.length > 0);
  if (path === null) return null;
  path.push(...dashes.map(() => "[]"));
  if (!pair) return /^[\w.$-]*$/.test(rest) ? { kind: "key", path, typed: rest } : null;
  path.push(pair[1]);
  const flow = /^\[(?:[^[\]{}]*,)?\s*([\w.-]*)$/.exec(pair[2]);
  if (flow) return { kind: "value", path: [...path, "[]"], typed: flow[1] };
  return /^[\w.:-]*$/.test(pair[2]) ? { kind: "value", path, typed: pair[2] } : null;
}

// The names below each section at the file's top: { services: ["web"], volumes: [] … }.
function composeNames(lines) {
  const names = {};
  let section = null;
  let column = 0;
  for (const text of lines) {
    const top = /^([a-z]+):/.exec(text);
    if (top) {
      section = top[1];
      names[section] ??= [];
      column = 0;
      continue;
    }
    const entry = section && /^( +)["']?([\w.-]+)["']?:/.exec(text);
    if (!entry || (column && entry[1].length !== column)) continue;
    column = entry[1].length;
    names[section].push(entry[2]);
  }
  return names;
}
