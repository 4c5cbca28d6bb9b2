// Buttons that copy what is shown short: data-copy holds the text, or where it is empty, what stands before the button
// does. Without scripts they stay hidden.
"use strict";

(() => {
  const shown = 1500; // milliseconds that a button says that it has copied

  function reveal() {
    for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  }

  // The clipboard is there only over https and on the own machine; an old way works everywhere else.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // There is none here, or the browser refuses it.
    }
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await copy(button.dataset.copy || button.previousElementSibling.textContent);
    button.focus();
    if (button.classList.contains("copied")) return;
    button.classList.add("copied");
    const announcement = document.getElementById("app-announcement");
    if (announcement) announcement.textContent = gettext("Copied");
    const words = button.lastChild;
    const before = words.textContent;
    words.textContent = gettext("Copied");
    setTimeout(() => {
      words.textContent = before;
      button.classList.remove("copied");
    }, shown);
  });

  document.addEventListener("htmx:afterSettle", reveal);
  reveal();
})();
