// Buttons that copy what is shown short: data-copy holds the text. Without a clipboard they stay hidden.
"use strict";

(() => {
  const shown = 1500; // milliseconds that a button says that it has copied

  function reveal() {
    for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  }

  // The clipboard is there only over https and on the own machine; an old way works everywhere else.
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
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
    await copy(button.dataset.copy);
    button.focus();
    button.classList.add("copied");
    const announcement = document.getElementById("app-announcement");
    if (announcement) announcement.textContent = gettext("Copied");
    setTimeout(() => button.classList.remove("copied"), shown);
  });

  document.addEventListener("htmx:afterSettle", reveal);
  reveal();
})();
