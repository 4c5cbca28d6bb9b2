// Keeps the states of apps on a page true: where a frame differs from what is shown, htmx fetches that part anew.
// One app is shown by an element with its slug in `data-live-app` and its key in `data-live-key`; what shows all of
// them at once has `data-live-known`; a page with neither learns only how many apps are busy. Other scripts get each
// frame by the event "panel:apps" of the document.
"use strict";

(() => {
  const soon = 300; // milliseconds that parts about many apps wait for what else changes
  const apps = new Map(); // by slug: what was told of it last
  const waiting = new Set(); // ids of parts that are about to be fetched
  let known = document.querySelector("[data-live-known]")?.dataset.liveKnown || "";

  function isBrief() {
    return !document.querySelector("[data-live-app], [data-live-list], [data-live-known]");
  }

  function isBusy(element) {
    // Somebody types into it: a swap would take the text from under their hands.
    return element.contains(document.activeElement) && document.activeElement.matches("input");
  }

  function refresh(element) {
    if (!isBusy(element)) refreshPart(element.id);
  }

  function refreshSoon(element) {
    const id = element.id;
    if (waiting.has(id)) return;
    waiting.add(id);
    setTimeout(() => {
      waiting.delete(id);
      const now = document.getElementById(id);
      if (now) refresh(now);
    }, soon);
  }

  function isElsewhere(before, app) {
    return !before || before.state !== app.state || before.deploying?.event !== app.deploying?.event;
  }

  function onApp(app, list) {
    const before = apps.get(app.slug);
    const isGone = app.state === "removed";
    if (isGone) apps.delete(app.slug);
    else apps.set(app.slug, app);
    const shown = document.querySelectorAll(`[data-live-app="${CSS.escape(app.slug)}"]`);
    for (const element of shown) if (element.dataset.liveKey !== app.key) refresh(element);
    if (!list || (before && before.key === app.key)) return;
    const isNew = !before && !shown.length;
    const moves = "liveFollowsState" in list.dataset && isElsewhere(before, app);
    if (isNew || isGone || moves) refreshSoon(list);
  }

  function onFrame(frame) {
    if (frame.type !== "apps") return;
    known = frame.known;
    const list = document.querySelector("[data-live-list]");
    const told = [...frame.apps];
    if (frame.whole) {
      const there = new Set(frame.apps.map((app) => app.slug));
      for (const slug of apps.keys()) if (!there.has(slug)) told.push({ slug, state: "removed", key: "" });
    }
    for (const app of told) onApp(app, list);
    for (const element of document.querySelectorAll("[data-live-known]")) {
      if (element.dataset.liveKnown !== known) refreshSoon(element);
    }
    document.dispatchEvent(new CustomEvent("panel:apps", { detail: frame }));
  }

  keepSocket({
    address: () => (isBrief() ? "/ws/apps/?brief=1" : `/ws/apps/?known=${encodeURIComponent(known)}`),
    onFrame,
    onOpen() {},
    onLost() {},
  });

  // Details that no frame tells (a service's health, its ports) are looked up now and then.
  for (const element of document.querySelectorAll("[data-live-every]")) {
    const selector = `#${element.id}`;
    setInterval(() => {
      const now = document.querySelector(selector);
      if (now && document.visibilityState === "visible") refresh(now);
    }, Number(element.dataset.liveEvery) * 1000);
  }
})();
