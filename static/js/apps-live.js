// Keeps the states of apps on a page true: where a frame differs from what is shown, htmx fetches that part anew.
// One app is shown by an element with its slug in `data-live-app` and its key in `data-live-key`; what shows all of
// them at once has `data-live-known`; a page with neither learns only how many apps are busy. Other scripts get each
// frame by the event "panel:apps" of the document.
"use strict";

(() => {
  const soon = 300; // milliseconds that parts about many apps wait for what else changes
  const many = 5; // rows beyond which the list is fetched as a whole: an engine that goes changes all at once
  const patience = 2000; // milliseconds that a connection may be lost before it is said
  const note = document.getElementById("live-note");
  const apps = new Map(); // by slug: what was told of it last
  const waiting = new Set(); // ids of parts that are about to be fetched
  let known = document.querySelector("[data-live-known]")?.dataset.liveKnown || "";

  function isBrief() {
    return !document.querySelector("[data-live-app], [data-live-list], [data-live-known]");
  }

  function refreshSoon(id) {
    if (waiting.has(id)) return;
    waiting.add(id);
    setTimeout(() => {
      waiting.delete(id);
      refreshPart(id);
    }, soon);
  }

  function isElsewhere(before, app) {
    return !before || before.state !== app.state || before.deploying?.event !== app.deploying?.event;
  }

  // Returns the parts that show another state of the app.
  function onApp(app, list) {
    const before = apps.get(app.slug);
    const isGone = app.state === "removed";
    if (isGone) apps.delete(app.slug);
    else apps.set(app.slug, app);
    const shown = [...document.querySelectorAll(`[data-live-app="${CSS.escape(app.slug)}"]`)];
    if (list && before?.key !== app.key) {
      const isNew = !before && !shown.length;
      const moves = "liveFollowsState" in list.dataset && isElsewhere(before, app);
      if (isNew || isGone || moves) refreshSoon(list.id);
    }
    return shown.filter((element) => element.dataset.liveKey !== app.key);
  }

  function onFrame(frame) {
    if (frame.type !== "apps") return;
    known = frame.known;
    say("");
    const list = document.querySelector("[data-live-list]");
    const told = [...frame.apps];
    if (frame.whole) {
      const there = new Set(frame.apps.map((app) => app.slug));
      for (const slug of apps.keys()) if (!there.has(slug)) told.push({ slug, state: "removed", key: "" });
    }
    const old = told.flatMap((app) => onApp(app, list));
    if (list && old.length > many) refreshSoon(list.id);
    else for (const { id } of old) refreshPart(id);
    for (const { id, dataset } of document.querySelectorAll("[data-live-known]")) {
      if (dataset.liveKnown !== known) refreshSoon(id);
    }
    document.dispatchEvent(new CustomEvent("panel:apps", { detail: frame }));
  }

  let warning = null; // the timer that says that the connection is lost

  function say(text) {
    clearTimeout(warning);
    warning = null;
    if (note.textContent !== text) note.textContent = text;
  }

  function warn(code) {
    warning ??= setTimeout(() => {
      say(`${whyLost(code)} ${gettext("What is shown may be out of date; the connection comes back by itself.")}`);
      // Who is signed out by now is refused a connection without being told why; a page leads them to the sign-in.
      refreshPart(document.querySelector("[data-live-known], [data-live-app]")?.id);
    }, patience);
  }

  const end = keepSocket({
    address: () => (isBrief() ? "/ws/apps/?brief=1" : `/ws/apps/?known=${encodeURIComponent(known)}`),
    onFrame,
    onOpen() {},
    onLost(_seconds, code) {
      // What is shown without apps does not go out of date.
      if (isBrief()) return;
      if (!NOT_SERVED.includes(code)) {
        warn(code);
        return;
      }
      end();
      say(notServed());
    },
  });

  // Details that no frame tells (a service's health, its ports) are looked up now and then.
  for (const element of document.querySelectorAll("[data-live-every]")) {
    setInterval(() => {
      if (document.visibilityState === "visible") refreshPart(element.id);
    }, Number(element.dataset.liveEvery) * 1000);
  }
})();
