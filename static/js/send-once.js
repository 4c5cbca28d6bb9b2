// The second click of a double click does not send a form once more: the browser would show the answer to that one,
// which is a refusal where the first has begun a deploy.
"use strict";

(() => {
  const pause = 15_000; // milliseconds; who comes back to a form may send it again
  let sent = new WeakMap();
  window.addEventListener("pageshow", () => { sent = new WeakMap(); });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (event.timeStamp - (sent.get(form) ?? -pause) < pause) event.preventDefault();
    else sent.set(form, event.timeStamp);
  });
})();
