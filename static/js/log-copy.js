// Selecting and copying in a log pane: of the lines as data, as those between may not be drawn.
"use strict";

class LogCopy {
  // What a line reads as when it is copied.
  static words(line) {
    return line.source ? `${line.source} | ${line.text}` : line.text;
  }

  static all(lines) {
    return lines.map((line) => `${LogCopy.words(line)}\n`).join("");
  }

  // How many characters of the copied line stand before a place in its element.
  static offsetIn({ line, element }, node, offset) {
    const words = LogCopy.words(line);
    const text = element.querySelector(".log-text") ?? element;
    if (!text.contains(node)) return text.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING ? words.length : 0;
    const range = document.createRange();
    range.setStart(text, 0);
    range.setEnd(node, offset);
    return words.length - line.text.length + range.toString().length;
  }

  constructor(log, root) {
    this._log = log;
    this._pane = root.querySelector("[data-log-pane]");
    this._pane.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "a" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      document.getSelection().selectAllChildren(log.shown.content);
    });
    this._pane.addEventListener("copy", (event) => {
      if (!this._selects()) return;
      event.clipboardData.setData("text/plain", this._selected());
      event.preventDefault();
    });
    document.addEventListener("selectionchange", () => {
      // Lines that are being selected must not run away.
      if (log.following && this._selects() && !this._selectsAll()) log.follow(false);
    });
    if (!navigator.clipboard) return;
    const button = root.querySelector("[data-log-copy]");
    button.hidden = false;
    button.addEventListener("mousedown", (event) => event.preventDefault()); // it would end the selection
    button.addEventListener("click", () => this._copy());
  }

  _selects() {
    const selection = document.getSelection();
    return Boolean(selection) && !selection.isCollapsed && this._pane.contains(selection.anchorNode)
      && this._pane.contains(selection.focusNode);
  }

  _selectsAll() {
    const { anchorNode, focusNode } = document.getSelection();
    return anchorNode === this._log.shown.content && focusNode === this._log.shown.content;
  }

  // The text of what is selected.
  _selected() {
    const { shown } = this._log;
    const range = document.getSelection().getRangeAt(0);
    const [first, last] = [shown.at(range.startContainer), shown.at(range.endContainer)];
    if (this._selectsAll() || !first || !last) return LogCopy.all([...shown]);
    const lines = shown.slice(first.before, last.before + 1).map(LogCopy.words);
    // From the end: the first may be the last one, too.
    lines[lines.length - 1] = lines.at(-1).slice(0, LogCopy.offsetIn(last, range.endContainer, range.endOffset));
    lines[0] = lines[0].slice(LogCopy.offsetIn(first, range.startContainer, range.startOffset));
    return lines.join("\n");
  }

  async _copy() {
    const selected = this._selects();
    await navigator.clipboard.writeText(selected ? this._selected() : LogCopy.all([...this._log.shown]));
    this._log.say(selected ? gettext("Copied the selection") : gettext("Copied all lines"));
  }
}
