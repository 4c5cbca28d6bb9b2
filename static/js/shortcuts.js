// Keyboard shortcuts: an element says its own keys (`data-shortcut="g a"`), and the help sheet lists those of the page.
"use strict";

(() => {
  const sheet = document.getElementById("shortcuts");
  const list = sheet.querySelector("[data-shortcut-list]");
  const onOff = sheet.querySelector("[data-shortcuts-on]");
  const stored = "shortcuts"; // "off" where somebody does not want single keys to do things
  const patience = 1500; // milliseconds between the two keys of a shortcut such as "g a"
  let first = "";
  let timer = null;

  function elements() {
    const seen = new Set();
    return [...document.querySelectorAll("[data-shortcut]")].filter((element) => {
      // The first one of a page has the keys; what is hidden has none, what lies in a closed menu has.
      const isNew = !seen.has(element.dataset.shortcut) && !element.closest("[hidden]");
      if (isNew) seen.add(element.dataset.shortcut);
      return isNew;
    });
  }

  function label(element) {
    return element.dataset.shortcutLabel || element.getAttribute("aria-label") || element.textContent.trim();
  }

  function row(keys, text) {
    const line = document.createElement("div");
    const name = document.createElement("dt");
    for (const key of keys.split(" ")) {
      const shown = document.createElement("kbd");
      shown.textContent = key;
      name.append(shown, " ");
    }
    const what = document.createElement("dd");
    what.textContent = text;
    line.append(name, what);
    return line;
  }

  function open() {
    const rows = elements().map((element) => row(element.dataset.shortcut, label(element)));
    if (rowLinks().length) rows.push(row("j", gettext("Next row of the list")), row("k", gettext("Previous row of the list")));
    rows.push(row("?", gettext("This help")));
    list.replaceChildren(...rows);
    sheet.showModal();
  }

  function use(element) {
    if (element.matches("input, textarea, select")) element.focus();
    else element.click();
  }

  // The first link of each row that is shown.
  function rowLinks() {
    return [...document.querySelectorAll("main .list tbody tr")]
      .map((line) => line.querySelector("a.strong-link, a.event-link, a"))
      .filter((link) => link && link.checkVisibility());
  }

  function step(by) {
    const links = rowLinks();
    if (!links.length) return false;
    const here = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
    const next = here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + by, 0), links.length - 1);
    links[next].focus();
    return true;
  }

  function act(keys) {
    if (keys === "?") return open() ?? true;
    if (keys === "j") return step(1);
    if (keys === "k") return step(-1);
    const element = elements().find((one) => one.dataset.shortcut === keys);
    if (element) use(element);
    return Boolean(element);
  }

  function isTyping(target) {
    return target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], .xterm, dialog[open]");
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (isTyping(event.target) || sheet.open || !onOff.checked || event.key.length !== 1) return;
    const keys = first ? `${first} ${event.key}` : event.key;
    clearTimeout(timer);
    first = "";
    if (act(keys)) event.preventDefault();
    else if (elements().some((element) => element.dataset.shortcut.startsWith(`${keys} `))) {
      first = keys;
      timer = setTimeout(() => (first = ""), patience);
    }
  });

  try {
    onOff.checked = localStorage.getItem(stored) !== "off";
  } catch {
    // No storage: they are on.
  }
  onOff.addEventListener("change", () => {
    try {
      localStorage.setItem(stored, onOff.checked ? "on" : "off");
    } catch {
      // It holds for this page then.
    }
  });
  for (const button of document.querySelectorAll("[data-shortcuts-open]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
})();
