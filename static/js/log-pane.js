// A pane of output like a terminal's: follows the end until the reader scrolls up, and stays quick at 100,000 lines.
// Its markup is templates/partials/log_pane.html, its dress static/css/log.css. This part takes the lines and follows
// the reader; the others are terminal-text.js (colours), log-line.js (what a line looks like), log-lines.js (which are
// drawn), log-search.js and log-copy.js.
"use strict";

class LogPane {
  // `root` holds the markup of the partial.
  // links: lines are numbered for good, and each has an address (#L123).
  // keep: whether the lines that the server put there are taken over, or dropped as others come in their place.
  // isQuiet(line): lines that are left out until the reader wants them, as something else shows what they say.
  // maxLines, maxCharacters: when there are more, the oldest go, and the pane says so.
  constructor(root, { links = false, keep = true, isQuiet = () => false, maxLines = 200_000, maxCharacters = 48 * 1024 * 1024 } = {}) {
    this._root = root;
    this._links = links;
    this._isQuiet = isQuiet;
    this._showsQuiet = false;
    this._quiet = 0; // lines that are left out
    this._maxLines = maxLines;
    this._maxCharacters = maxCharacters;
    this._lines = []; // all of them, in order
    this._characters = 0;
    this._gone = 0; // lines that were forgotten
    this._new = 0; // lines that came since the reader scrolled up
    this._marked = null;
    this._wanted = null; // the number of the line in the address, until it comes
    const part = (name) => root.querySelector(`[data-log-${name}]`);
    this._pane = part("pane");
    this._empty = part("empty");
    this._said = part("said");
    this._jump = part("jump");
    this._jumpWords = part("jump-words");
    this._words = this._jumpWords.textContent;
    const given = !keep ? [] : [...this._pane.querySelectorAll(".log-line")].map(logLine.ofMarkup);
    this.shown = new LogLines(this._pane, (line) => this._element(line));
    this.search = new LogSearch(this, root);
    new LogCopy(this, root);
    this._listen(part);
    this._readAddress();
    this.append(given, { areNew: false });
    root.logPane = this;
  }

  // All lines that the pane holds, in order.
  get lines() {
    return this._lines;
  }

  get following() {
    return this.shown.following;
  }

  // Take lines at the end: [{ seq, at, stream, text, source?, level? }]; `at` is ISO 8601 in UTC. Where they
  // are not new but were there before the page was, they are not counted as such.
  append(lines, { areNew = true } = {}) {
    this._take(lines.map((line) => this._prepared(line)), areNew);
  }

  // Say something between the lines, for example how many were skipped.
  note(text) {
    this._take([{ text, runs: null, isNote: true }]);
  }

  clear() {
    this._lines = [];
    this._characters = this._gone = this._new = this._quiet = 0;
    this._marked = null;
    this.search.again();
    this.show();
    this.follow(true);
    this._tell();
  }

  // Whether the pane shows a line, or leaves it out.
  shows(line) {
    return !this.isLeftOut(line) && this.search.shows(line);
  }

  isLeftOut(line) {
    return Boolean(line.isQuiet) && !this._showsQuiet;
  }

  // Show anew what is to be shown.
  show() {
    this.shown.replace(this._lines.filter((line) => this.shows(line)));
    if (this._marked && !this.following) this.shown.bring(this._marked);
    this._tellEmpty();
  }

  // Keep the end in sight, or stop to.
  follow(on) {
    if (on) this._new = 0;
    this.shown.following = on;
    this._tell();
    if (on) this.shown.toEnd();
  }

  // Bring a line into sight and mark it; its number becomes part of the page's address.
  mark(line, { inAddress = this._links } = {}) {
    const before = this._marked;
    this._marked = line;
    if (line.isQuiet && !this._showsQuiet) this._quietButton.click();
    if (!this.shows(line)) this.search.showAll();
    this.shown.bring(line);
    for (const one of [before, line]) if (one) this._dress(one);
    this._tell();
    if (inAddress && line.seq) history.replaceState(history.state, "", `#L${line.seq}`);
  }

  say(text) {
    this._said.textContent = "";
    this._said.textContent = text;
  }

  focus() {
    this._pane.focus({ preventScroll: true });
  }

  // --- taking lines ---

  _take(lines, areNew = true) {
    if (!lines.length) return;
    for (const line of lines) this._lines.push(line);
    this._count(lines);
    this.search.look(lines);
    const shown = lines.filter((line) => this.shows(line));
    this.shown.push(shown);
    if (areNew && !this.following) this._new += shown.length;
    this._forgetOldest();
    this._tell();
    if (this._wanted !== null) this._goToWanted(lines);
  }

  _count(lines) {
    for (const line of lines) {
      this._characters += line.text.length;
      if (line.isQuiet) this._quiet += 1;
    }
    if (this._quiet) {
      this._quietButton.hidden = false;
      this._quietButton.title = interpolate(
        ngettext("%s line that only tells progress", "%s lines that only tell progress", this._quiet), [this._quiet.toLocaleString()],
      );
    }
  }

  _prepared(line) {
    const ready = { ...line, ...terminalText(line.text) };
    if (this._isQuiet(ready)) ready.isQuiet = true;
    return ready;
  }

  // Ten in a hundred at once: not with each line.
  _forgetOldest() {
    if (this._lines.length <= this._maxLines && this._characters <= this._maxCharacters) return;
    let gone = 0;
    const { length } = this._lines;
    while (gone < length - 1 && (length - gone > this._maxLines * 0.9 || this._characters > this._maxCharacters * 0.9)) {
      this._lines[gone].isGone = true;
      this._characters -= this._lines[gone].text.length;
      gone += 1;
    }
    this._lines.splice(0, gone);
    this._gone += gone;
    this.search.forget();
    this.shown.drop((line) => line.isGone);
    const note = this._root.querySelector("[data-log-gone]");
    const words = ngettext("%s earlier line is no longer shown here.", "%s earlier lines are no longer shown here.", this._gone);
    note.textContent = interpolate(words, [this._gone.toLocaleString()]);
    note.hidden = false;
  }

  _element(line) {
    return logLine.element(line, { links: this._links, isMarked: line === this._marked, found: this.search.find(line) });
  }

  _dress(line) {
    const element = this._links && line.seq ? this._pane.querySelector(`#L${line.seq}`) : null;
    if (element) element.replaceWith(this._element(line));
    else this.shown.redraw();
  }

  // --- what the reader does ---

  _listen(part) {
    this._pane.addEventListener("scroll", () => {
      const moved = this.shown.readerMoved();
      if (moved !== null && moved !== this.following) this.follow(moved);
    }, { passive: true });
    this._jump.addEventListener("click", () => {
      this.follow(true);
      this.focus();
    });
    this._pane.addEventListener("click", (event) => {
      const number = event.target.closest(".log-number");
      if (!number || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.mark(this.shown.at(number).line);
    });
    this._toggle(part("wrap"), "log-wrap", (on) => this.shown.wrap(on));
    this._toggle(part("times"), "log-times", (on) => {
      this._pane.classList.toggle("log-timed", on);
      this.shown.measure();
    }, true);
    this._quietButton = part("quiet");
    this._quietButton.addEventListener("click", () => {
      this._showsQuiet = !this._showsQuiet;
      this._quietButton.setAttribute("aria-pressed", String(this._showsQuiet));
      this.search.again();
      this.show();
    });
    window.addEventListener("hashchange", () => this._readAddress());
    window.addEventListener("beforeprint", () => this.shown.fillAll());
    window.addEventListener("afterprint", () => this.shown.update());
  }

  // A button that is on or off, and stays so on the next page.
  _toggle(button, key, act, standard = false) {
    const turn = (on) => {
      button.setAttribute("aria-pressed", String(on));
      act(on);
    };
    button.hidden = false;
    let on = standard;
    try {
      on = (localStorage.getItem(key) ?? String(standard)) === "true";
    } catch { /* a browser that keeps nothing */ }
    turn(on);
    button.addEventListener("click", () => {
      on = !on;
      turn(on);
      try {
        localStorage.setItem(key, String(on));
      } catch { /* a browser that keeps nothing */ }
    });
  }

  // --- addresses of lines ---

  _readAddress() {
    const found = /^#L([0-9]{1,10})$/.exec(window.location.hash);
    if (!this._links || !found) return;
    this._wanted = Number(found[1]);
    this.follow(false);
    this._goToWanted(this._lines);
  }

  _goToWanted(lines) {
    const line = lines.find((one) => one.seq === this._wanted);
    if (!line) return;
    this._wanted = null;
    this.mark(line, { inAddress: false });
  }

  // --- words ---

  _tell() {
    this._tellEmpty();
    this._jump.hidden = this.following || !this._lines.length;
    const words = ngettext("%s new line", "%s new lines", this._new);
    this._jumpWords.textContent = this._new ? `${this._words} · ${interpolate(words, [this._new.toLocaleString()])}` : this._words;
  }

  _tellEmpty() {
    this._empty.hidden = this._lines.length > 0;
  }
}
