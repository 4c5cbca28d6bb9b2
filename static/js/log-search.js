// The search of a log pane: literal, whatever the case; counts matching lines, goes from one to the next.
"use strict";

class LogSearch {
  static MOST_IN_A_LINE = 200; // matches of one line that are drawn
  static PAUSE = 12; // milliseconds of looking, after which others have their turn

  constructor(pane, root) {
    const part = (name) => root.querySelector(`[data-log-${name}]`);
    this._pane = pane;
    this._query = part("query");
    this._told = part("found");
    this._buttons = [part("previous"), part("next")];
    this._only = part("only");
    this._pattern = null;
    this._found = []; // the lines that match, in order
    this._current = null;
    this._onlyMatching = false;
    this._round = 0; // counts the searches: one that is overtaken ends
    this._looking = false;
    this._listen(part("search"), root);
  }

  // Whether `line` is to be shown.
  shows(line) {
    return !this._onlyMatching || !this._pattern || this._matches(line);
  }

  // Where a line matches, as [{ start, end }].
  find(line) {
    if (!this._pattern || line.isNote) return [];
    const found = [];
    for (const match of line.text.matchAll(this._all)) {
      found.push({ start: match.index, end: match.index + match[0].length });
      if (found.length === LogSearch.MOST_IN_A_LINE) break;
    }
    return found;
  }

  // Take note of lines that have come.
  look(lines) {
    // A search under way gets to them by itself.
    if (!this._pattern || this._looking) return;
    const found = lines.filter((line) => this._matches(line));
    if (!found.length) return;
    for (const line of found) this._found.push(line);
    this._tell();
  }

  // Take note that the oldest lines are gone.
  forget() {
    if (this._looking) this.again();
    this._found = this._found.filter((line) => !line.isGone);
    if (this._current?.isGone) this._current = null;
    this._tell();
  }

  again() {
    this._search(this._query.value);
  }

  showAll() {
    this._onlyMatching = false;
    this._only.setAttribute("aria-pressed", "false");
    this._pane.show();
  }

  // --- within ---

  _matches(line) {
    return !line.isNote && !this._pane.isLeftOut(line) && this._pattern.test(line.text);
  }

  async _search(query) {
    const round = ++this._round;
    const literal = query.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    this._pattern = query ? new RegExp(literal, "i") : null;
    this._all = query ? new RegExp(literal, "gi") : null;
    this._found = [];
    this._current = null;
    this._looking = true;
    const { lines } = this._pane;
    let until = performance.now() + LogSearch.PAUSE;
    for (let index = 0; this._pattern && index < lines.length; index += 1) {
      if (this._matches(lines[index])) this._found.push(lines[index]);
      if (index % 256 === 0 && performance.now() > until) {
        await new Promise((resolve) => { setTimeout(resolve); });
        if (round !== this._round) return;
        until = performance.now() + LogSearch.PAUSE;
      }
    }
    this._looking = false;
    if (this._onlyMatching) this._pane.show();
    else this._pane.shown.redraw();
    this._tell();
  }

  // Go `by` lines on among those that match; from the marked line, else from the end.
  _go(by) {
    const { length } = this._found;
    if (!length) return;
    let place = this._found.indexOf(this._current);
    if (place < 0) place = by > 0 ? -1 : 0;
    this._current = this._found[(place + by + length) % length];
    this._pane.mark(this._current);
    this._tell();
  }

  _tell() {
    const { length } = this._found;
    for (const button of this._buttons) button.disabled = !length;
    if (!this._pattern) this._told.textContent = "";
    else if (!length) this._told.textContent = gettext("No line");
    else if (this._current) {
      const place = this._found.indexOf(this._current) + 1;
      const words = ngettext("%(place)s of %(count)s line", "%(place)s of %(count)s lines", length);
      this._told.textContent = interpolate(words, { place: place.toLocaleString(), count: length.toLocaleString() }, true);
    } else {
      this._told.textContent = interpolate(ngettext("%s line", "%s lines", length), [length.toLocaleString()]);
    }
  }

  _listen(form, root) {
    form.hidden = false;
    let timer = null;
    const now = async () => {
      clearTimeout(timer);
      timer = null;
      await this._search(this._query.value);
    };
    this._query.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(now, 120);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (timer) await now();
      this._go(1);
    });
    this._query.addEventListener("keydown", async (event) => {
      if (event.key === "Escape" && this._query.value) {
        event.preventDefault();
        this._query.value = "";
        await now();
        this._pane.focus();
      } else if (event.key === "Enter" && event.shiftKey) {
        event.preventDefault();
        if (timer) await now();
        this._go(-1);
      }
    });
    this._buttons[0].addEventListener("click", () => this._go(-1));
    this._only.addEventListener("click", () => {
      this._onlyMatching = !this._onlyMatching;
      this._only.setAttribute("aria-pressed", String(this._onlyMatching));
      this._pane.show();
    });
    // The browser's own search sees only the lines that are drawn; pressed in the field, it still comes.
    root.addEventListener("keydown", (event) => {
      if (event.key !== "f" || !(event.ctrlKey || event.metaKey) || event.target === this._query) return;
      event.preventDefault();
      this._query.focus();
      this._query.select();
    });
  }
}
