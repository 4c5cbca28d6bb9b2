// Asks the browser for a security key: makes or uses a credential with the options that the form carries,
// puts it into the form and sends it. Allauth's webauthn-json.js does the coding.
"use strict";

const form = document.querySelector("[data-key-options]");
const button = form.querySelector("[data-key-button]");
const problem = document.querySelector("#key-problem");

async function askForKey() {
  problem.textContent = "";
  button.disabled = true;
  try {
    const ask = window.webauthnJSON[form.dataset.keyAct];
    form.elements.credential.value = JSON.stringify(await ask(JSON.parse(form.dataset.keyOptions)));
    form.submit();
  } catch (error) {
    problem.textContent = interpolate(gettext("The key was not used: %(reason)s"), { reason: error.message }, true);
    button.disabled = false;
  }
}

// Until now it was disabled: a press would have done nothing.
if (window.PublicKeyCredential) {
  button.addEventListener("click", askForKey);
  button.disabled = false;
} else {
  problem.textContent = gettext("This browser uses security keys over https only, or not at all.");
}
