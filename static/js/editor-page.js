// The page of a Compose file: brings the editor, its checks, the draft and the warnings together.
"use strict";

for (const form of document.querySelectorAll("[data-compose-form]")) {
  const field = form.elements.compose;
  const environment = form.elements.environment;
  const place = form.querySelector("[data-check-result]");
  const diff = form.querySelector("[data-edit-diff]");
  const before = { compose: field.defaultValue, environment: environment.defaultValue };
  const isUnsaved = "unsaved" in form.dataset;
  const isTyped = form.dataset.unsaved === "typed"; // else from a template, which can be had again
  let isLeaving = false;
  place.hidden = false;
  const hint = place.querySelector("#code-hint");
  field.dataset.hint = hint.id;

  // Without CodeMirror the text area does the same with less comfort.
  const editor = hasCodeEditor
    ? makeCodeEditor(field, composeCompletion(form.dataset.schema))
    : plainEditor(field);
  if (!hasCodeEditor) hint.hidden = true;

  function plainEditor(text) {
    const box = text.closest("[data-editor]");
    return {
      text: () => text.value,
      replace(value) {
        text.value = value;
        text.dispatchEvent(new Event("input", { bubbles: true }));
      },
      onChange: (callback) => text.addEventListener("input", callback),
      show: (problems) => markEditorLines(box, problems.map((one) => one.line).filter(Boolean)),
      goTo({ line }) {
        const at = text.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
        text.focus();
        text.setSelectionRange(at, at);
      },
    };
  }

  // --- checks ---
  function goTo(problem) {
    if (problem.source === "compose") return editor.goTo(problem);
    window.dispatchEvent(new Event("environment-text"));
    environment.focus();
  }

  const told = form.querySelectorAll("#id_compose_error, #id_environment_error"); // of the text that was sent
  const { changed, isSignedOut } = watchText(form, (answer) => {
    for (const old of told) old.hidden = true;
    if (diff && answer.diff !== undefined) diff.innerHTML = answer.diff;
    if (answer.isFirst) return;
    showChecks(place, answer, goTo);
    if (!answer.problems) return;
    editor.show(answer.problems.filter((one) => one.source === "compose"));
    const lines = answer.problems.filter((one) => one.source === "environment").map((one) => one.line).filter(Boolean);
    markEditorLines(environment.closest("[data-editor]"), lines);
  });

  // --- the draft ---
  const name = form.dataset.draft;
  const kept = ["slug", "name", "note"]; // beside the text
  let timer = null;

  const isChanged = () => isUnsaved || editor.text() !== before.compose || environment.value !== before.environment;

  function draft() {
    const values = { compose: editor.text() };
    for (const one of [...kept, "seen", "current"]) if (form.elements[one]) values[one] = form.elements[one].value;
    return values;
  }

  function keep() {
    clearTimeout(timer);
    if (isUnsaved || editor.text() !== before.compose) drafts.save(name, draft());
    else if (!isOffered) drafts.remove(name);
  }

  function offer(words, ...buttons) {
    const bar = document.createElement("div");
    bar.className = "alert alert-warning draft-offer";
    bar.setAttribute("role", "status");
    const said = document.createElement("p");
    said.className = "alert-text";
    said.textContent = words;
    const row = document.createElement("div");
    row.className = "button-row";
    row.append(...buttons);
    bar.append(said, row);
    form.before(bar);
    return bar;
  }

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn btn-sm";
    made.textContent = words;
    made.addEventListener("click", act);
    return made;
  }

  const found = isTyped ? null : drafts.load(name);
  let isOffered = Boolean(found) && found.compose !== editor.text();
  if (isOffered) {
    const when = new Date(found.at).toLocaleString(document.documentElement.lang);
    const bar = offer(
      interpolate(gettext("You wrote something here that was not deployed (%s). Values of the environment are not kept."), [when]),
      button(gettext("Restore it"), () => {
        editor.replace(found.compose);
        for (const one of kept) if (form.elements[one] && found[one]) form.elements[one].value = found[one];
        restoreKnowledge(found);
        isOffered = false;
        bar.remove();
        editor.view?.focus();
      }),
      button(gettext("Discard it"), () => {
        drafts.remove(name);
        isOffered = false;
        bar.remove();
      }),
    );
  }
  // What was written over another version waits where it began.
  const [person, slug] = name.split(":");
  for (const other of form.elements.base ? drafts.names(`${person}:${slug}:`) : []) {
    const number = other.split(":")[2];
    if (other === name || !/^\d+$/.test(number)) continue;
    if (drafts.load(other)?.compose === before.compose) {
      drafts.remove(other); // It was deployed after all.
      continue;
    }
    const link = document.createElement("a");
    link.className = "btn btn-sm";
    link.href = `${window.location.pathname}?version=${number}`;
    link.textContent = gettext("Open it");
    const bar = offer(
      interpolate(gettext("You wrote something over version %s that was not deployed."), [number]),
      link,
      button(gettext("Discard it"), () => {
        drafts.remove(other);
        bar.remove();
      }),
    );
  }

  // Who wrote a draft knew only the versions of that time: what came since is told, and not gone over.
  function restoreKnowledge({ seen, current }) {
    const news = document.querySelector("#edit-news");
    if (!seen || !form.elements.seen) return;
    if (seen === form.elements.seen.value && current === form.elements.current.value) return;
    Object.assign(form.elements.seen, { value: seen });
    Object.assign(form.elements.current, { value: current });
    if (news) {
      const known = new URLSearchParams({ seen, current, base: form.elements.base.value });
      window.htmx.ajax("GET", `${form.dataset.news}?${known}`, { target: "#edit-news", swap: "outerHTML" });
    }
  }

  editor.onChange(() => {
    changed();
    clearTimeout(timer);
    timer = setTimeout(keep, 400);
  });
  environment.addEventListener("input", changed);
  for (const one of kept) form.elements[one]?.addEventListener("input", keep);
  // Both texts put together: what is written now begins with another version.
  if (form.dataset.draftBefore) drafts.remove(form.dataset.draftBefore);
  if (isTyped) keep();
  if (told.length) showTold();
  else if (isUnsaved) changed();

  // The lines that the server found at fault, with its words, until the text is another.
  function showTold() {
    const lines = field.closest("[data-editor]").dataset.problemLines.split(" ").filter(Boolean).map(Number);
    const message = form.querySelector("#id_compose_error")?.textContent.trim() ?? "";
    editor.show(lines.map((line) => ({ line, message })));
    if (lines.length) editor.goTo({ line: lines[0] });
  }

  // --- leaving ---
  // Who is signed out is not led to the sign-in away from what they wrote; the check tells them.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (!event.detail.xhr.getResponseHeader("HX-Redirect") || !isChanged()) return;
    event.preventDefault();
    changed();
  });
  form.addEventListener("submit", (event) => {
    // Neither would the text be kept, nor what was typed into the environment: the check tells why.
    if (drafts.isClosed || isSignedOut()) {
      event.preventDefault();
      changed();
      place.scrollIntoView({ block: "nearest" });
      return;
    }
    keep();
    drafts.send(name);
    isLeaving = true;
  });
  window.addEventListener("pageshow", () => { isLeaving = false; });
  window.addEventListener("pagehide", () => { if (timer) keep(); });
  window.addEventListener("beforeunload", (event) => {
    if (!isLeaving && isChanged()) event.preventDefault();
  });
}
