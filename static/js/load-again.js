// A page that misses one of its scripts or style sheets is loaded once more. A browser on the engine's own machine
// gives up what it is loading whenever a network comes or goes there (Chromium: ERR_NETWORK_CHANGED), as in a deploy.
"use strict";

(() => {
  const { method } = document.currentScript.dataset;
  const pause = 10_000; // milliseconds; what cannot be had is not asked for for ever

  function loadAgain() {
    // What a form was answered is asked for by no reload.
    if (method !== "GET") return;
    try {
      const name = `loaded-again:${window.location.pathname}`;
      if (Date.now() - Number(sessionStorage.getItem(name)) < pause) return;
      sessionStorage.setItem(name, Date.now());
    } catch {
      return; // no storage, no end
    }
    window.stop(); // the scripts after it would miss it
    window.location.reload();
  }

  function isThere(link) {
    try {
      return link.sheet.cssRules.length > 0;
    } catch {
      return false; // browsers differ in what a sheet is that did not come
    }
  }

  window.addEventListener("error", ({ target }) => { if (target instanceof HTMLScriptElement) loadAgain(); }, true);
  if (![...document.querySelectorAll("link[rel=stylesheet]")].every(isThere)) loadAgain();
})();
