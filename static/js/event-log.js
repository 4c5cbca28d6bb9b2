// The page of an event: its output as it comes, back after a lost connection without a line lost or doubled, and
// its status anew whenever that changes.
"use strict";

(() => {
  const root = document.querySelector("[data-event-log]");
  if (!root) return;
  const connection = root.querySelector("[data-log-connection]");
  // Of a long output the page holds the last lines only, for readers without JavaScript: begin at the first one.
  const keep = root.dataset.before === "0";
  // Bars tell how far a layer is; a line for each step of it would be a wall.
  const isQuiet = (line) => /^\s*[0-9a-f]{12} (Downloading|Extracting|Waiting|Verifying Checksum)\b/.test(line.text);
  const pane = new LogPane(root, { links: true, keep, isQuiet });
  let last = keep ? Number(root.dataset.last) : 0; // the number of the last line that the pane has

  let step = ""; // what the event does now

  // Bars move while lines come, but not with each line.
  const refreshPull = (() => {
    const pause = 1000; // milliseconds
    let timer = null;
    return () => {
      timer ??= setTimeout(() => {
        timer = null;
        refreshPart("pull-progress");
      }, pause);
    };
  })();

  function take(lines) {
    // What was sent again after a reconnect is known.
    const fresh = lines.filter((line) => line.seq > last);
    if (!fresh.length) return;
    last = fresh.at(-1).seq;
    if (step === "pull") refreshPull();
    pane.append(fresh, { areNew: root.dataset.active === "yes" });
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
    step = frame.status === "running" ? frame.step : "";
    // The first lines of a pull may have come before this.
    if (step === "pull") refreshPull();
    const shown = document.getElementById("event-status")?.dataset.state;
    const told = [frame.status, frame.step, frame.position, ...(frame.cancelling ? ["cancelling"] : [])];
    if (shown !== told.join("|")) refreshStatus();
  }

  function connect() {
    let lost = false;
    const stop = keepSocket({
      address: () => `${root.dataset.socket}?after=${last}`,
      onOpen() {
        if (lost) refreshStatus();
        lost = false;
        say(root.dataset.active === "yes" ? gettext("Live") : gettext("Loading …"));
      },
      onLost(seconds, code) {
        lost = true;
        if (NOT_SERVED.includes(code)) {
          stop();
          say(notServed(), "lost");
          return;
        }
        const wait = interpolate(gettext("Trying again in %s s …"), [Math.max(1, Math.round(seconds))]);
        say(`${whyLost(code)} ${wait}`, "lost");
      },
      onFrame(frame) {
        if (frame.type === "lines") take(frame.lines);
        else if (frame.type === "state") onState(frame);
        else if (frame.type === "end") {
          stop();
          say("");
          root.dataset.active = "no";
          root.querySelector("[data-log-empty]").textContent = gettext("This event left no output.");
          refreshStatus();
        }
      },
    });
  }

  // --- the page ---

  const word = () => document.querySelector("#event-status .state-large")?.textContent.trim() ?? "";
  let announced = word();

  document.addEventListener("htmx:afterSettle", () => {
    document.title = document.getElementById("event-status")?.dataset.title ?? document.title;
    // A status that comes with its part is not read out.
    if (word() === announced) return;
    announced = word();
    document.getElementById("event-announcement").textContent = announced;
  });

  const copy = document.querySelector("[data-copy-address]");
  if (navigator.clipboard) {
    const words = copy.lastChild;
    const before = words.textContent;
    let timer = null;
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(window.location.href);
      } catch {
        pane.say(gettext("The browser did not let the link be copied."));
        return;
      }
      pane.say(window.location.hash ? gettext("Copied the link to this line") : gettext("Copied the link"));
      words.textContent = gettext("Copied");
      clearTimeout(timer);
      timer = setTimeout(() => { words.textContent = before; }, 1500);
    });
  }

  if (root.dataset.whole !== "yes") connect();
})();
