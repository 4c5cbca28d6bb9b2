// Draws line numbers beside a text area and marks the lines with a problem.
"use strict";

// The Compose file's text area makes room for CodeMirror, where the browser can style it without a <style>.
const hasCodeEditor = "adoptedStyleSheets" in document && "CodeMirror" in window;

// Marks `lines` beside the text area in `editor`.
function markEditorLines(editor, lines) {
  const shown = lines.join(" ");
  if (editor.dataset.problemLines === shown) return;
  editor.dataset.problemLines = shown;
  editor.dispatchEvent(new Event("problem-lines"));
}

for (const editor of document.querySelectorAll("[data-editor]")) {
  const text = editor.querySelector("textarea");
  const margin = editor.querySelector("[data-editor-margin]");
  const isCode = editor.dataset.editor === "compose" && hasCodeEditor;

  const problemLines = () => editor.dataset.problemLines.split(" ").filter(Boolean).map(Number);
  const draw = () => {
    const bad = new Set(problemLines());
    const count = text.value.split("\n").length;
    while (margin.childElementCount < count) margin.append(document.createElement("div"));
    while (margin.childElementCount > count) margin.lastElementChild.remove();
    [...margin.children].forEach((line, index) => {
      line.textContent = String(index + 1);
      line.className = bad.has(index + 1) ? "editor-line-bad" : "";
    });
    margin.scrollTop = text.scrollTop;
  };
  if (isCode) continue;

  text.addEventListener("input", draw);
  editor.addEventListener("problem-lines", draw);
  text.addEventListener("scroll", () => { margin.scrollTop = text.scrollTop; }, { passive: true });
  draw();
  const first = Math.min(...problemLines());
  if (Number.isFinite(first)) {
    const top = (first - 4) * parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, top);
  }
}

// Leaving asks first where text would be lost; the pages with drafts see to that themselves (editor-page.js).
(() => {
  const texts = [...document.querySelectorAll("[data-editor] textarea")];
  const plain = texts.filter((text) => !text.form.matches("[data-compose-form]"));
  // What a form that was refused comes back with is saved nowhere either.
  const isRefused = document.querySelector("script[data-method]").dataset.method === "POST";
  let isLeaving = false;
  for (const { form } of plain) form.addEventListener("submit", () => { isLeaving = true; });
  window.addEventListener("pageshow", () => { isLeaving = false; });
  window.addEventListener("beforeunload", (event) => {
    const isChanged = plain.some((text) => isRefused || text.value !== text.defaultValue);
    if (!isLeaving && isChanged) event.preventDefault();
  });
})();
