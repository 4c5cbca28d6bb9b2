// The lines that a log pane shows: all of them as data, and of these only the ones near the window as elements.
"use strict";

// Measured in chromium with 100,000 lines: as elements they take 965 MB, and to select all of them 26 s. So lines are
// kept in chunks, one element each; a chunk out of sight is empty and as high as it was, or as it is thought to be.
class LogLines {
  static LINES_PER_CHUNK = 50;
  static LONGEST = 8192; // characters of a line that are drawn

  // `pane` is what scrolls; `draw(line)` makes the element of a line.
  constructor(pane, draw) {
    this.pane = pane;
    this.following = true; // the end stays in sight
    this.wrapped = false;
    this._draw = draw;
    this._chunks = []; // { lines, element, drawn: how many of its lines are elements, height }
    this._content = document.createElement("div");
    this._content.className = "log-content";
    this._longest = 0;
    this._wide = 0; // characters that the content has room for
    this._planned = false;
    this._lastTop = 0;
    this._width = pane.clientWidth;
    pane.replaceChildren(this._content);
    pane.addEventListener("scroll", () => this.plan(), { passive: true });
    new ResizeObserver(() => {
      if (this.wrapped && this._width !== pane.clientWidth) this._forget();
      this._width = pane.clientWidth;
      this.plan();
    }).observe(pane);
  }

  get content() {
    return this._content;
  }

  *[Symbol.iterator]() {
    for (const chunk of this._chunks) yield* chunk.lines;
  }

  push(lines) {
    let chunk = this._chunks.at(-1);
    for (const line of lines) {
      if (!chunk || chunk.lines.length >= LogLines.LINES_PER_CHUNK) {
        chunk = this._chunk();
        this._chunks.push(chunk);
        this._content.append(chunk.element);
      }
      this._add(chunk, line);
    }
    this.plan();
  }

  // Forget lines at the beginning, up to the first for which `isGone` does not hold.
  drop(isGone) {
    const place = this._place();
    while (this._chunks.length && isGone(this._chunks[0].lines.at(-1))) this._chunks.shift().element.remove();
    const first = this._chunks[0];
    if (first && isGone(first.lines[0])) {
      const gone = first.lines.findIndex((line) => !isGone(line));
      first.lines.splice(0, gone);
      for (let left = Math.min(gone, first.drawn); left; left -= 1) first.element.firstChild.remove();
      first.drawn = Math.max(0, first.drawn - gone);
      first.height = null;
    }
    this.update(place);
  }

  // Show these lines and no others.
  replace(lines) {
    this._chunks = [];
    this._content.replaceChildren();
    this._longest = 0;
    this.push(lines);
  }

  // Draw again what is drawn: the lines look different now.
  redraw() {
    const place = this._place();
    this._emptyAll(this._chunks.filter((chunk) => chunk.drawn));
    this.update(place);
  }

  wrap(on) {
    this.wrapped = on;
    this.pane.classList.toggle("log-wrapped", on);
    this.measure();
  }

  // Take note that lines may be higher or lower than they were.
  measure() {
    const place = this._place();
    this._forget();
    this.update(place);
  }

  // Bring `line` into the middle of the pane; return its element, or null where it is not among those shown.
  bring(line) {
    const chunk = this._chunks.find((one) => one.lines.includes(line));
    if (!chunk) return null;
    this.following = false;
    const index = chunk.lines.indexOf(line);
    this.update(null);
    this._fill(chunk);
    // What is drawn around it on the way may be higher than it was thought to be.
    for (let round = 0; round < 3; round += 1) {
      const element = chunk.element.children[index];
      this._scrollTo(element.offsetTop - (this.pane.clientHeight - element.offsetHeight) / 2);
      this.update({ chunk, line, above: element.offsetTop - this.pane.scrollTop });
    }
    return chunk.element.children[index];
  }

  // The line that an element within the pane belongs to, as { line, before }: `before` counts the lines above it.
  at(node) {
    const element = (node instanceof Element ? node : node?.parentElement)?.closest(".log-line");
    const chunkElement = element?.parentElement;
    let before = 0;
    for (const chunk of this._chunks) {
      if (chunk.element === chunkElement) {
        const index = [...chunkElement.children].indexOf(element);
        return { line: chunk.lines[index], before: before + index, element };
      }
      before += chunk.lines.length;
    }
    return null;
  }

  slice(first, end) {
    const found = [];
    let before = 0;
    for (const { lines } of this._chunks) {
      if (before + lines.length > first && before < end) {
        found.push(...lines.slice(Math.max(0, first - before), end - before));
      }
      before += lines.length;
    }
    return found;
  }

  toEnd() {
    this.following = true;
    this.update(null);
  }

  // Print needs all of them.
  fillAll() {
    for (const chunk of this._chunks) this._fill(chunk);
  }

  // Tell whether the reader scrolled up (false) or down to the end (true) since the last look; null: neither.
  readerMoved() {
    const { scrollTop, scrollHeight, clientHeight } = this.pane;
    const fromEnd = scrollHeight - scrollTop - clientHeight;
    const by = scrollTop - this._lastTop;
    this._lastTop = scrollTop;
    // Where lines went, the browser itself moves up to what is now the end.
    if (by < 0) return fromEnd < 1 ? null : false;
    return by > 0 && fromEnd < 24 ? true : null;
  }

  plan() {
    if (this._planned) return;
    this._planned = true;
    requestAnimationFrame(() => {
      this._planned = false;
      this.update();
    });
  }

  // Draw the chunks near the window and empty the others; what stands at `place` stays where it is.
  update(place = this._place()) {
    const style = getComputedStyle(this.pane);
    this._rowHeight = parseFloat(style.lineHeight);
    // A monospaced letter is about 0.6 em wide; times and numbers stand before a line.
    this._columns = Math.max(10, this.pane.clientWidth / (parseFloat(style.fontSize) * 0.6) - 20);
    this._widen(this.wrapped ? 0 : this._longest);
    for (const chunk of this._chunks) {
      if (chunk.height === null && !chunk.drawn) this._setHeight(chunk, this._guess(chunk));
    }
    for (let round = 0; round < 4; round += 1) {
      if (this.following) this._scrollTo(this.pane.scrollHeight);
      if (!this._drawNear()) break;
      if (place?.chunk.element.isConnected && !this.following) {
        this._scrollTo(this._elementAt(place).offsetTop - place.above);
      }
    }
    if (this.following) this._scrollTo(this.pane.scrollHeight);
  }

  // --- within ---

  _chunk() {
    const element = document.createElement("div");
    element.className = "log-chunk";
    return { lines: [], element, drawn: 0, height: null };
  }

  _add(chunk, line) {
    chunk.lines.push(line);
    if (!chunk.drawn) chunk.height = null;
    const length = Math.min(line.text.length, LogLines.LONGEST) + (line.source?.length ?? 0);
    if (length > this._longest) this._longest = length;
  }

  _drawNear() {
    const { scrollTop, clientHeight } = this.pane;
    const top = scrollTop - clientHeight / 2;
    const bottom = scrollTop + clientHeight * 1.5;
    const kept = this._selected();
    const first = this._firstBelow(top);
    const near = new Set();
    for (let index = first; index < this._chunks.length; index += 1) {
      const chunk = this._chunks[index];
      if (chunk.element.offsetTop > bottom) break;
      near.add(chunk);
    }
    const parked = this._chunks.filter((chunk) => chunk.drawn && !near.has(chunk) && !kept.has(chunk.element));
    this._emptyAll(parked);
    let changed = parked.length > 0;
    for (const chunk of near) changed = this._fill(chunk) || changed;
    return changed;
  }

  _fill(chunk) {
    if (chunk.drawn === chunk.lines.length) return false;
    chunk.element.append(...chunk.lines.slice(chunk.drawn).map(this._draw));
    chunk.drawn = chunk.lines.length;
    this._setHeight(chunk, null);
    return true;
  }

  // All are measured before the first is changed: each change would have the browser lay out anew.
  _emptyAll(chunks) {
    const heights = chunks.map((chunk) => chunk.element.offsetHeight);
    chunks.forEach((chunk, index) => {
      chunk.element.replaceChildren();
      chunk.drawn = 0;
      this._setHeight(chunk, heights[index]);
    });
  }

  // As wide as the longest line, also while that is not drawn: the pane must not jump.
  _widen(characters) {
    if (characters === this._wide) return;
    this._wide = characters;
    this._content.style.minWidth = characters ? `max(100%, ${characters + 18}ch)` : "";
  }

  _setHeight(chunk, height) {
    chunk.height = height;
    chunk.element.style.height = height === null ? "" : `${height}px`;
  }

  _guess(chunk) {
    if (!this.wrapped) return chunk.lines.length * this._rowHeight;
    const rows = (line) => Math.max(1, Math.ceil(Math.min(line.text.length, LogLines.LONGEST) / this._columns));
    return chunk.lines.reduce((sum, line) => sum + rows(line), 0) * this._rowHeight;
  }

  _forget() {
    for (const chunk of this._chunks) if (!chunk.drawn) chunk.height = null;
  }

  // The first chunk that ends below `top`.
  _firstBelow(top) {
    let [low, high] = [0, this._chunks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { offsetTop, offsetHeight } = this._chunks[middle].element;
      if (offsetTop + offsetHeight > top) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // The uppermost line in the window, and how far below the window's top it begins.
  _place() {
    if (this.following) return null;
    const top = this.pane.scrollTop;
    const chunk = this._chunks[this._firstBelow(top)];
    if (!chunk) return null;
    const index = [...chunk.element.children].findIndex((line) => line.offsetTop + line.offsetHeight > top);
    const place = { chunk, line: chunk.lines[index], above: 0 };
    place.above = this._elementAt(place).offsetTop - top;
    return place;
  }

  _elementAt({ chunk, line }) {
    return chunk.element.children[chunk.lines.indexOf(line)] ?? chunk.element;
  }

  _scrollTo(top) {
    this.pane.scrollTop = top;
    this._lastTop = this.pane.scrollTop;
  }

  // The chunks in which a selection begins and ends: emptied, it would be lost.
  _selected() {
    const { anchorNode, focusNode } = document.getSelection() ?? {};
    const found = new Set();
    for (const node of [anchorNode, focusNode]) {
      if (node && this._content.contains(node)) found.add(node.parentElement.closest(".log-chunk"));
    }
    return found;
  }
}
