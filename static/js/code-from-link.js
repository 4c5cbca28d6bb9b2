// Copies the code of a one-time link (its fragment, which browsers send to no server) into the form,
// and takes it out of the address bar and the history.
"use strict";

function copyCode() {
  const code = window.location.hash.slice(1);
  const field = document.querySelector("form[data-code-from-link] [name=code]");
  if (!code || !field) return;
  field.value = code;
  window.history.replaceState(null, "", window.location.pathname);
  document.querySelector("form[data-code-from-link] [name=username]").focus();
}

copyCode();
// The link pasted into a tab that already shows this page changes the fragment only.
window.addEventListener("hashchange", copyCode);
