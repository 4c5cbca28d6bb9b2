// The live output of an event: follows the end, comes back after a lost connection, and stays quick at
// 100,000 lines because lines arrive in batches and chunks out of sight are not laid out (code.css).
"use strict";

(() => {
  const LINES_PER_CHUNK = 200;
  const LINES_PER_FRAME = 4000;
  const TOO_MANY = 4429; // apps/panel/consumers.py

  const root = document.querySelector("[data-event-log]");
  if (!root) return;
  const pane = root.querySelector("[data-log-pane]");
  const connection = root.querySelector("[data-log-connection]");
  const jump = root.querySelector("[data-log-jump]");
  const wrap = root.querySelector("[data-log-wrap]");
  const copy = root.querySelector("[data-log-copy]");

  let last = Number(root.dataset.last); // the number of the last line that the page has
  let chunk = null; // the element that the next lines go into
  let inChunk = LINES_PER_CHUNK;
  let waiting = []; // lines that were taken but not drawn yet
  let drawing = false;
  let following = true;
  let lastTop = 0;

  // --- drawing ---

  function newChunk() {
    if (chunk) chunk.classList.add("log-chunk-full");
    chunk = document.createElement("div");
    chunk.className = "log-chunk";
    inChunk = 0;
    pane.append(chunk);
  }

  function lineElement(line) {
    const element = document.createElement("div");
    element.className = `log-line log-${line.stream}`;
    element.dataset.at = clock(line.at);
    element.textContent = line.text;
    return element;
  }

  // Times come as ISO 8601 in UTC; the server draws its first lines the same way.
  function clock(at) {
    return at.slice(11, 19);
  }

  function draw() {
    drawing = false;
    const batch = waiting.splice(0, LINES_PER_FRAME);
    let fragment = document.createDocumentFragment();
    for (const line of batch) {
      if (inChunk === LINES_PER_CHUNK) {
        if (chunk) chunk.append(fragment);
        fragment = document.createDocumentFragment();
        newChunk();
      }
      fragment.append(lineElement(line));
      inChunk += 1;
    }
    if (chunk) chunk.append(fragment);
    if (following) toEnd();
    if (waiting.length) plan();
  }

  function plan() {
    if (drawing) return;
    drawing = true;
    // A hidden tab gets no animation frames; its lines must not pile up for ever.
    if (document.visibilityState === "visible") requestAnimationFrame(draw);
    else setTimeout(draw, 250);
  }

  function take(lines) {
    for (const line of lines) {
      if (line.seq <= last) continue; // sent again after a reconnect
      last = line.seq;
      waiting.push(line);
    }
    if (!waiting.length) return;
    pane.querySelector("[data-log-empty]")?.remove();
    plan();
  }

  // --- following the end ---

  function toEnd() {
    pane.scrollTop = pane.scrollHeight;
    lastTop = pane.scrollTop;
  }

  function follow(on) {
    following = on;
    jump.hidden = on;
  }

  pane.addEventListener("scroll", () => {
    const fromEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight;
    if (fromEnd < 24) follow(true);
    else if (pane.scrollTop < lastTop) follow(false);
    lastTop = pane.scrollTop;
  }, { passive: true });

  jump.addEventListener("click", () => {
    follow(true);
    toEnd();
    pane.focus({ preventScroll: true });
  });

  // --- tools ---

  wrap.hidden = false;
  wrap.addEventListener("click", () => {
    const on = pane.classList.toggle("log-wrapped");
    wrap.setAttribute("aria-pressed", String(on));
    if (following) toEnd();
  });

  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const lines = [...pane.querySelectorAll(".log-line")].map((line) => line.textContent);
      await navigator.clipboard.writeText(`${lines.join("\n")}\n`);
      say("Copied");
    });
  }

  // --- connection ---

  function say(text, kind = "") {
    connection.textContent = text;
    connection.dataset.kind = kind;
  }

  function refreshStatus() {
    refreshPart("event-status");
  }

  function onState(frame) {
    const shown = document.getElementById("event-status")?.dataset.state;
    if (shown !== [frame.status, frame.step, frame.position].join("|")) refreshStatus();
  }

  function connect() {
    let lost = false;
    const stop = keepSocket({
      address: () => `${root.dataset.socket}?after=${last}`,
      onOpen() {
        if (lost) refreshStatus();
        lost = false;
        say(root.dataset.active === "yes" ? "Live" : "Loading …");
      },
      onLost(seconds, code) {
        lost = true;
        const why = code === TOO_MANY ? "Too many live pages are open." : "Connection lost.";
        say(`${why} Trying again in ${Math.max(1, Math.round(seconds))} s …`, "lost");
      },
      onFrame(frame) {
        if (frame.type === "lines") take(frame.lines);
        else if (frame.type === "state") onState(frame);
        else if (frame.type === "end") {
          stop();
          say("");
          root.dataset.active = "no";
          const empty = pane.querySelector("[data-log-empty]");
          if (empty) empty.textContent = "This event left no output.";
          refreshStatus();
        }
      },
    });
  }

  const first = pane.querySelector(".log-chunk");
  if (Number(root.dataset.before) > 0) {
    // The page holds the last lines only, for readers without JavaScript: begin at the first one.
    first.remove();
    last = 0;
  } else {
    chunk = first;
    inChunk = Math.min(first.childElementCount, LINES_PER_CHUNK);
  }
  toEnd();
  if (root.dataset.whole !== "yes") connect();
})();
