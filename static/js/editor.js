// Draws line numbers beside a text area and marks the lines with a problem.
"use strict";

for (const editor of document.querySelectorAll("[data-editor]")) {
  const text = editor.querySelector("textarea");
  const margin = editor.querySelector("[data-editor-margin]");
  const bad = new Set(editor.dataset.problemLines.split(" ").filter(Boolean).map(Number));
  let drawn = 0;

  const draw = () => {
    const count = text.value.split("\n").length;
    for (; drawn < count; drawn += 1) {
      const line = document.createElement("div");
      line.textContent = String(drawn + 1);
      if (bad.has(drawn + 1)) line.className = "editor-line-bad";
      margin.append(line);
    }
    for (; drawn > count; drawn -= 1) margin.lastElementChild.remove();
    margin.scrollTop = text.scrollTop;
  };

  text.addEventListener("input", draw);
  text.addEventListener("scroll", () => { margin.scrollTop = text.scrollTop; }, { passive: true });
  draw();
  if (bad.size) {
    const top = (Math.min(...bad) - 4) * parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, top);
  }
}
