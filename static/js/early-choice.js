// What somebody chose in a form before htmx was there to hear of it is asked for when it is. The page would go on showing
// the answer to another choice.
"use strict";

(() => {
  function isChosen(field) {
    if (field instanceof HTMLSelectElement) {
      return field.selectedIndex !== Math.max([...field.options].findIndex((one) => one.defaultSelected), 0);
    }
    if (["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
    return field.value !== field.defaultValue;
  }

  function askAll() {
    for (const form of document.querySelectorAll("form[hx-get]")) {
      const fields = [...form.elements].filter((one) => one.matches("input, select"));
      if (fields.some(isChosen)) window.htmx.trigger(form, "submit");
    }
  }

  // A page that is left while it loads may get this script and not htmx.
  document.addEventListener("DOMContentLoaded", () => setTimeout(() => { if (window.htmx) askAll(); }));
})();
