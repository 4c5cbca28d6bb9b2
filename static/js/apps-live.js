// Keeps the states of apps on a page true: where a frame differs from what is shown, htmx fetches that part anew.
"use strict";

(() => {
  function key(app) {
    const doing = app.deploying;
    const parts = [app.state, app.differences];
    if (doing) parts.push(doing.event, doing.status, doing.step, doing.position);
    return parts.join("|");
  }

  function isBusy(element) {
    // Somebody types into it: a swap would take the text from under their hands.
    return element.contains(document.activeElement) && document.activeElement.matches("input");
  }

  function refresh(element) {
    if (!isBusy(element)) refreshPart(element.id);
  }

  function onFrame(frame) {
    if (frame.type !== "apps") return;
    const list = document.querySelector("[data-live-list]");
    for (const app of frame.apps) {
      const shown = document.querySelectorAll(`[data-live-app="${CSS.escape(app.slug)}"]`);
      for (const element of shown) if (element.dataset.liveKey !== key(app)) refresh(element);
      if (list && !shown.length && app.state !== "removed") return refresh(list);
    }
  }

  keepSocket({ address: () => "/ws/apps/", onFrame, onOpen() {}, onLost() {} });

  // Details that no frame tells (a service's health, its ports) are looked up now and then.
  for (const element of document.querySelectorAll("[data-live-every]")) {
    const selector = `#${element.id}`;
    setInterval(() => {
      const now = document.querySelector(selector);
      if (now && document.visibilityState === "visible") refresh(now);
    }, Number(element.dataset.liveEvery) * 1000);
  }
})();
