// Shows an environment as rows of names and hidden values. The text area stays the form's field: each change is
// written into it, comments and order as they were.
"use strict";

for (const place of document.querySelectorAll("[data-environment]")) {
  const hideAfter = 30000; // milliseconds that a stored value stays to be read
  const text = place.querySelector("textarea");
  const renamed = place.querySelector("input[name=renamed]");
  const editor = place.querySelector("[data-editor]");
  const label = place.querySelector("label");
  const hint = place.querySelector(".form-hint");
  label.id = `${text.id}_label`;

  const rows = document.createElement("div");
  rows.className = "environment-rows";
  rows.setAttribute("role", "group");
  const list = document.createElement("ul");
  const said = document.createElement("p");
  said.className = "form-hint";
  said.setAttribute("role", "status");
  const buttons = document.createElement("div");
  buttons.className = "button-row";
  rows.append(list, buttons);
  editor.after(rows, said);
  // Enter in a form deploys; here somebody is still writing.
  rows.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches("input")) event.preventDefault(); });
  const toggle = button("", () => setMode(rows.hidden));
  buttons.append(button(gettext("Add a value"), add));
  toggle.className = "btn btn-sm environment-mode";
  label.after(toggle);
  let parts = [];
  let known = ""; // the text as it was read or written last

  function button(words, act, name) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn btn-sm";
    made.textContent = words;
    if (name) made.setAttribute("aria-label", name);
    made.addEventListener("click", act);
    return made;
  }

  function input(type, value, name) {
    const made = document.createElement("input");
    Object.assign(made, { type, value, className: "form-control", spellcheck: false, autocomplete: "off" });
    if (type === "password") made.autocomplete = "new-password";
    made.setAttribute("autocapitalize", "off");
    made.setAttribute("aria-label", name);
    return made;
  }

  function write() {
    const line = (part) => {
      if (part.text !== undefined) return part.text;
      const start = part.name === part.first ? part.start : `${part.before}${part.name}=`;
      return start + (part.typed === undefined ? part.raw : writeDotenvValue(part.typed)) + part.after;
    };
    text.value = parts.filter((part) => part.text !== undefined || part.name || part.typed).map(line).join("");
    known = text.value;
    renamed.value = parts.filter((part) => part.original && part.name !== part.original && part.typed === undefined)
      .map((part) => `${part.name}=${part.original}`).join("\n");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function add() {
    const last = parts.at(-1);
    if (last && !(last.text ?? last.after).endsWith("\n")) {
      if (last.text === undefined) last.after += "\n";
      else last.text += "\n";
    }
    const part = { before: "", name: "", raw: "", value: "", after: "\n", typed: "" };
    parts.push(part);
    const row = draw(part);
    list.append(row);
    row.querySelector("input").focus();
  }

  function draw(part) {
    const row = document.createElement("li");
    row.className = "environment-row";
    const isHidden = part.original !== undefined;
    const name = input("text", part.name, gettext("Name"));
    name.placeholder = gettext("NAME");
    const value = input("password", isHidden ? "" : part.value, "");
    const eye = button(gettext("Show"), show);
    const remove = button(gettext("Remove"), () => {
      parts = parts.filter((one) => one !== part);
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      write();
      (next?.querySelector("input") ?? buttons.firstChild).focus();
    });
    const call = () => {
      const shown = part.name || gettext("the new name");
      value.setAttribute("aria-label", interpolate(gettext("Value of %s"), [shown]));
      const words = value.type === "text" ? gettext("Hide the value of %s") : gettext("Show the value of %s");
      eye.setAttribute("aria-label", interpolate(words, [shown]));
      remove.setAttribute("aria-label", interpolate(gettext("Remove %s"), [shown]));
    };
    name.addEventListener("input", () => {
      part.name = name.value.trim();
      call();
      write();
    });
    value.addEventListener("input", () => {
      // Emptied again: the stored one stays.
      part.typed = value.value === "" && isHidden ? undefined : value.value;
      eye.hidden = part.typed === undefined && !place.dataset.reveal;
      write();
    });
    if (part.value.includes("\n")) {
      value.disabled = true;
      value.value = "";
      value.placeholder = gettext("several lines: edit as text");
    } else if (isHidden) value.placeholder = `${DOTENV_MASK} ${gettext("stays as it is")}`;
    eye.hidden = isHidden && !place.dataset.reveal;
    part.first = part.start && part.name;
    call();
    row.append(name, value, eye, remove);

    let timer = null;
    async function show() {
      if (value.type === "text") return hide();
      if (isHidden && part.typed === undefined) {
        const found = await reveal([part.original]);
        // Somebody may have typed another value meanwhile.
        if (!found || part.typed !== undefined) return;
        value.value = found[part.original] ?? "";
        value.readOnly = true;
        timer = setTimeout(hide, hideAfter);
      }
      value.type = "text";
      eye.textContent = gettext("Hide");
      call();
    }

    function hide() {
      clearTimeout(timer);
      if (value.readOnly) value.value = "";
      value.readOnly = false;
      value.type = "password";
      eye.textContent = gettext("Show");
      call();
    }
    return row;
  }

  // The stored values of `names`: an owner's right, written into the audit, and only shortly after they signed in.
  async function reveal(names) {
    const body = new FormData();
    const form = place.closest("form");
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("version", place.dataset.version);
    for (const name of names) body.append("name", name);
    const headers = { "Accept": "application/json", "HX-Request": "true", "HX-Current-URL": window.location.href };
    const response = await fetch(place.dataset.reveal, { method: "POST", body, headers }).catch(() => null);
    said.textContent = "";
    if (response?.status === 204 && response.headers.has("HX-Redirect")) {
      const link = document.createElement("a");
      link.href = response.headers.get("HX-Redirect");
      link.textContent = gettext("Confirm that it is you");
      said.append(`${gettext("Stored values are shown only shortly after you signed in.")} `, link);
      return null;
    }
    if (!response?.ok) {
      said.textContent = gettext("The value could not be shown.");
      return null;
    }
    said.textContent = gettext("Shown for half a minute. That you saw it is written into the audit.");
    return (await response.json()).values;
  }

  function setMode(asRows) {
    if (asRows) {
      const read = readDotenv(text.value);
      if (!read) {
        said.textContent = gettext("This text has a fault. Mend it, then it can be shown as rows.");
        asRows = false;
      } else {
        said.textContent = "";
        parts = read;
        // What hidden values were called where they are stored.
        const before = new Map(renamed.value.split("\n").map((line) => line.split("=")));
        for (const part of parts) if (part.raw === DOTENV_MASK) part.original = before.get(part.name) ?? part.name;
        list.replaceChildren(...parts.filter((part) => part.text === undefined).map(draw));
      }
    }
    known = text.value;
    rows.hidden = !asRows;
    editor.hidden = asRows;
    if (hint) hint.hidden = asRows;
    // The label is that of what is shown.
    if (asRows) {
      label.removeAttribute("for");
      rows.setAttribute("aria-labelledby", label.id);
    } else {
      label.htmlFor = text.id;
      rows.removeAttribute("aria-labelledby");
    }
    toggle.textContent = asRows ? gettext("Edit as text") : gettext("Edit as rows");
  }

  // Not over a text that somebody is typing already.
  setMode(!text.closest(".field").querySelector(".field-errors") && document.activeElement !== text);
  // Coming back to the page, the browser may have filled the text area in again.
  window.addEventListener("pageshow", () => { if (!rows.hidden && text.value !== known) setMode(true); });
  window.addEventListener("environment-text", () => setMode(false));
}
