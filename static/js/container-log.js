// The output of an app's containers as it comes: back after a lost connection from where it was, without a doubled line.
"use strict";

(() => {
  // What is asked for again after a reconnect: the containers' lines do not come in the order of their times.
  const OVERLAP = 5000; // milliseconds

  const root = document.querySelector("[data-container-log]");
  if (!root) return;
  const connection = root.querySelector("[data-log-connection]");
  const pane = new LogPane(root, { keep: true, maxLines: 100_000 });
  const latest = new Map(); // by container, and for the panel's own words: when the last line of it was printed
  let fresh = true; // whether the lines of the page are still to be replaced by those of the stream
  let last = ""; // when the last line of all was printed
  let before = null; // what of this held when the connection was lost: { latest, last, since }
  let joined = true; // whether what comes goes on where the lines of the page end

  function say(text, kind = "") {
    connection.textContent = text;
    connection.dataset.kind = kind;
  }

  function source(line) {
    return line.stream === "panel" ? "" : line.source;
  }

  // Of all lines of a container that come again, those after the last one before the loss are new.
  function isKnown(line) {
    return before !== null && line.at <= (before.latest.get(source(line)) ?? before.since);
  }

  function take(lines) {
    if (fresh) pane.clear();
    fresh = false;
    const printed = lines.filter((line) => line.stream !== "panel");
    if (!joined && printed.length) {
      joined = true;
      // All of it is later than what was seen last.
      if (printed[0].at > before.last) pane.note(gettext("Some lines may be missing here: the connection was lost."));
    }
    const taken = lines.filter((line) => !isKnown(line));
    for (const line of taken) {
      if (line.at > (latest.get(source(line)) ?? "")) latest.set(source(line), line.at);
      if (line.stream !== "panel" && line.at > last) last = line.at;
    }
    pane.append(taken);
  }

  function lose() {
    const since = last && new Date(Date.parse(`${last.slice(0, 23)}Z`) - OVERLAP).toISOString();
    before = { latest: new Map(latest), last, since };
    joined = !last;
  }

  // Who comes back asks for as many lines as there may be, not from a time on: that nobody else asks for, and each
  // would have commands of their own on the server.
  function address() {
    const query = new URLSearchParams(root.dataset.query);
    if (before !== null && !fresh) {
      query.set("tail", "5000");
      if (before.since && (query.has("since") || query.has("until"))) query.set("since", before.since);
    }
    return `${root.dataset.socket}?${query}`;
  }

  function waiting(why, seconds) {
    const wait = interpolate(gettext("Trying again in %s s …"), [Math.max(1, Math.round(seconds))]);
    say(`${why} ${wait}`, "lost");
  }

  let refused = "";
  const stop = keepSocket({
    address,
    onOpen() {
      say(root.dataset.follows === "yes" ? gettext("Live") : gettext("Loading …"));
    },
    onLost(seconds, code) {
      if (NOT_SERVED.includes(code)) {
        stop();
        say(notServed(), "lost");
        return;
      }
      lose();
      waiting((code === TOO_MANY && refused) || whyLost(code), seconds);
    },
    onFrame(frame) {
      if (frame.type === "lines") take(frame.lines);
      else if (frame.type === "skipped") {
        const words = ngettext(
          "%s line was skipped here: more came than this page could take.",
          "%s lines were skipped here: more came than this page could take.",
          frame.lines,
        );
        pane.note(interpolate(words, [frame.lines.toLocaleString()]));
      } else if (frame.type === "refused") refused = frame.text;
      else if (frame.type === "end") {
        stop();
        say(root.dataset.follows === "yes" ? gettext("This has ended; load the page again.") : "");
      }
    },
  });
})();
