// What a line of a log pane looks like.
"use strict";

const logLine = (() => {
  // A line that the server put into the page; `data-raw` is its text where that holds control sequences.
  function ofMarkup(element) {
    const { seq, at, raw, source, level } = element.dataset;
    const stream = /log-(stdout|stderr|panel)/.exec(element.className)?.[1] ?? "stdout";
    // Of a carriage return the parser of HTML makes a line end, which no line has.
    const text = raw?.replaceAll("\n", "\r") ?? element.querySelector(".log-text").textContent;
    return { seq: seq ? Number(seq) : undefined, at, stream, text, source, level };
  }

  function part(name, css, text) {
    const element = document.createElement(name);
    element.className = css;
    element.textContent = text;
    return element;
  }

  // A text as nodes, with the classes of `runs` and the marks of `found`, up to character `end`.
  function dressed(text, runs, found, end) {
    const cuts = new Set([0, end]);
    for (const { start, end: stop } of [...runs, ...found]) {
      cuts.add(Math.min(start, end));
      cuts.add(Math.min(stop, end));
    }
    const places = [...cuts].sort((one, other) => one - other);
    const pieces = [];
    for (let index = 0; index + 1 < places.length; index += 1) {
      const [start, stop] = [places[index], places[index + 1]];
      const covers = (one) => one.start <= start && one.end >= stop;
      const css = runs.find(covers)?.css ?? "";
      const isFound = found.some(covers);
      const piece = text.slice(start, stop);
      pieces.push(css || isFound ? part(isFound ? "mark" : "span", css, piece) : piece);
    }
    return pieces;
  }

  function pieces(line, found) {
    const end = Math.min(line.text.length, LogLines.LONGEST);
    const left = line.text.length - end;
    const shown = line.runs || found.length ? dressed(line.text, line.runs ?? [], found, end) : [line.text.slice(0, end)];
    if (!left) return shown;
    const words = ngettext(" … and %s character more", " … and %s characters more", left);
    return [...shown, part("span", "log-more", interpolate(words, [left.toLocaleString()]))];
  }

  function number(seq) {
    const link = part("a", "log-number", seq);
    link.href = `#L${seq}`;
    // Thousands of them would stand in the way of those who use the keyboard, or listen.
    link.tabIndex = -1;
    link.setAttribute("aria-hidden", "true");
    return link;
  }

  // The element of a line. links: its number is an address; found: the places of it that the search marks.
  function element(line, { links, isMarked, found }) {
    const made = document.createElement("div");
    made.className = ["log-line", line.isNote ? "log-said" : `log-${line.stream}`].join(" ");
    if (line.level) made.classList.add(`log-level-${line.level}`);
    if (isMarked) {
      made.classList.add("log-marked");
      made.setAttribute("aria-current", "true");
    }
    if (line.isNote) {
      made.textContent = line.text;
      return made;
    }
    made.dataset.clock = line.at?.slice(11, 19) ?? "";
    made.title = line.at ?? "";
    if (links) {
      made.id = `L${line.seq}`;
      made.append(number(line.seq));
    }
    if (line.source) {
      const colour = [...line.source].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 6;
      made.append(part("span", `log-source log-source-${colour}`, line.source));
    }
    const text = part("span", "log-text", "");
    text.append(...pieces(line, found.filter((match) => match.start < LogLines.LONGEST)));
    made.append(text);
    return made;
  }

  return { ofMarkup, element };
})();
