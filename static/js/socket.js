// What keeps a page live: a WebSocket that comes back by itself, and parts that htmx fetches anew.
"use strict";

// Codes by which a connection is closed, as apps/panel/consumers/live.py has them.
const NOT_SERVED = [4401, 4404];
const TOO_MANY = 4429;

// Why a connection was closed by `code` that comes back by itself.
function whyLost(code) {
  return code === TOO_MANY ? gettext("Too many live pages are open.") : gettext("Connection lost.");
}

function notServed() {
  return gettext("You are signed out, or may not see this any more. Load the page anew.");
}

// A WebSocket of this panel that is opened again when it is lost, after a wait that grows with each failure.
// `address()` is asked before each attempt; `onFrame(frame)` gets each message as an object;
// `onLost(seconds, code)` is told when the next attempt comes and by which code the last one was closed,
// `onOpen()` when the connection stands.
// Returns a function that ends it for good.
function keepSocket({ address, onFrame, onOpen, onLost }) {
  const shortest = 500;
  const longest = 15000;
  const tick = 10_000;
  const asleep = 90_000; // beyond what a tab in the background waits for its next tick
  let delay = shortest;
  let socket = null;
  let timer = null;
  let ended = false;

  function open() {
    timer = null;
    const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(`${scheme}//${window.location.host}${address()}`);
    socket = mine;
    socket.addEventListener("open", onOpen);
    socket.addEventListener("message", (message) => {
      if (socket !== mine) return;
      const frame = JSON.parse(message.data);
      // Only what arrives counts as working: a server that accepts and drops, or refuses, is not hammered.
      if (frame.type !== "refused") delay = shortest;
      onFrame(frame);
    });
    socket.addEventListener("close", (close) => {
      if (ended || socket !== mine) return;
      const wait = delay * (0.75 + Math.random() / 2);
      delay = Math.min(delay * 2, longest);
      timer = setTimeout(open, wait);
      // Which may end it for good.
      onLost(wait / 1000, close.code);
    });
  }

  // Coming back to the tab, or back on line, is a good moment to try at once.
  function hurry() {
    if (timer === null || document.visibilityState !== "visible") return;
    clearTimeout(timer);
    open();
  }

  // A connection that died while the machine slept may look alive for minutes: no script sees that no ping comes.
  let ticked = Date.now();
  const clock = setInterval(() => {
    const hasSlept = Date.now() - ticked > asleep;
    ticked = Date.now();
    if (!hasSlept || timer !== null) return;
    const old = socket;
    socket = null;
    old.close();
    onLost(0, 1006);
    open();
  }, tick);

  document.addEventListener("visibilitychange", hurry);
  window.addEventListener("online", hurry);
  open();

  return () => {
    ended = true;
    clearTimeout(timer);
    clearInterval(clock);
    document.removeEventListener("visibilitychange", hurry);
    window.removeEventListener("online", hurry);
    socket.close();
  };
}

// Has htmx fetch the part with this id, and once more where that is asked while it does: the answer may be older than
// the second wish, which htmx drops together with the element that the answer replaces.
const refreshPart = (() => {
  const fetching = new Map(); // by id: the part, and whether it is to be fetched once more
  const held = new Set(); // ids of the parts whose answers came at a wrong moment
  const unanswered = new Map(); // by id: how often in a row no answer came
  const most = 3; // of these; a panel that is away for longer tells by its WebSocket that it is back
  const pause = 1000; // milliseconds before the next one
  const settling = 50; // milliseconds in which htmx makes itself known to a new element; it takes 20

  function refresh(id) {
    const part = document.getElementById(id);
    // A page that is left while it loads may get this script and not htmx.
    if (!part || !window.htmx) return;
    if (fetching.has(id)) {
      fetching.get(id).again = true;
      return;
    }
    window.htmx.trigger(part, "refresh");
    if (!fetching.has(id)) setTimeout(() => refresh(id), settling);
  }

  const asked = new Map(); // by request: the id of the part that somebody's own wish will replace

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt: part, requestConfig, target, xhr } = event.detail;
    if (requestConfig.triggeringEvent?.type === "refresh") fetching.set(part.id, { part, again: false });
    else asked.set(xhr, target?.id);
  });

  // A browser on the engine's own machine gives up what it fetches whenever a network comes or goes there.
  document.addEventListener("htmx:sendError", (event) => {
    const { elt, triggeringEvent } = event.detail.requestConfig;
    const times = (unanswered.get(elt.id) ?? 0) + 1;
    unanswered.set(elt.id, times);
    if (triggeringEvent?.type === "refresh" && times <= most) setTimeout(() => refresh(elt.id), pause * times);
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const done = event.detail.requestConfig.elt;
    const wished = asked.get(event.detail.xhr);
    asked.delete(event.detail.xhr);
    if (held.delete(wished)) refresh(wished);
    if (event.detail.xhr.status) unanswered.delete(done.id);
    for (const [id, { part, again }] of fetching) {
      // A part that another answer has replaced meanwhile never gets its own.
      const isLost = part !== done && !part.isConnected;
      if (part !== done && !isLost) continue;
      fetching.delete(id);
      if (again || isLost) refresh(id);
    }
  });

  // A press ends on what it began on, or does nothing; and the answer to a search or a filter has a place only while
  // the part stands that it was asked for. What was fetched meanwhile is fetched again when that is over.
  let isPressed = false;

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, triggeringEvent } = event.detail.requestConfig;
    if (triggeringEvent?.type !== "refresh") return;
    const isAwaited = [...asked].some(([xhr, id]) => id === elt.id && xhr.readyState < XMLHttpRequest.DONE);
    if (!isPressed && !isAwaited) return;
    event.detail.shouldSwap = false;
    held.add(elt.id);
  });

  function release() {
    isPressed = false;
    for (const id of held) refresh(id);
    held.clear();
  }

  document.addEventListener("pointerdown", () => { isPressed = true; });
  // After the click that follows.
  for (const over of ["pointerup", "pointercancel"]) document.addEventListener(over, () => setTimeout(release));
  // One that ended where no event of it comes from, such as in another window.
  document.addEventListener("pointermove", (event) => { if (isPressed && !event.buttons) release(); });

  return refresh;
})();

// htmx keeps the focus on what has an id. What has none, such as a tag or a person's name in a row, is found again in
// the part that is fetched anew by its words and where it leads.
(() => {
  let lost = null; // what had the focus when its part was replaced

  function key(one) {
    const leads = one.getAttribute("href") ?? one.form?.getAttribute("action");
    return [one.localName, leads, one.textContent.trim()].join("|");
  }

  function same(part, tag, wanted) {
    return [...part.querySelectorAll(tag)].filter((one) => key(one) === wanted);
  }

  document.addEventListener("htmx:beforeSwap", () => {
    if (lost?.active.isConnected) lost = null;
    const active = document.activeElement;
    const part = active?.closest("[id]");
    if (!part || part === active) return;
    const [tag, wanted] = [active.localName, key(active)];
    lost = { active, part: part.id, tag, wanted, index: same(part, tag, wanted).indexOf(active) };
  });

  document.addEventListener("htmx:afterSettle", () => {
    if (!lost || lost.active.isConnected) return;
    const part = document.getElementById(lost.part);
    if (part && document.activeElement === document.body) {
      same(part, lost.tag, lost.wanted)[lost.index]?.focus({ preventScroll: true });
    }
    lost = null;
  });
})();
