// The output of an app's containers as it comes: back after a lost connection from where it was, without a doubled line.
"use strict";

(() => {
  const TOO_MANY = 4429; // apps/panel/consumers.py
  // What is asked for again after a reconnect: the containers' lines do not come in the order of their times.
  const OVERLAP = 5000; // milliseconds

  const root = document.querySelector("[data-container-log]");
  if (!root) return;
  const connection = root.querySelector("[data-log-connection]");
  const pane = new LogPane(root, { keep: true, maxLines: 100_000 });
  const latest = new Map(); // by container: when the last line of it was printed
  let fresh = true; // whether the lines of the page are still to be replaced by those of the stream
  let last = ""; // when the last line of all was printed

  function say(text, kind = "") {
    connection.textContent = text;
    connection.dataset.kind = kind;
  }

  function take(lines) {
    if (fresh) pane.clear();
    fresh = false;
    const known = lostAt === null ? null : new Map(lostAt);
    const taken = lines.filter((line) => {
      // Of all lines of a container that come again, those after the last one before the loss are new.
      if (line.stream === "panel") return true;
      if (known && line.at <= (known.get(line.source) ?? "")) return false;
      if (line.at > (latest.get(line.source) ?? "")) latest.set(line.source, line.at);
      if (line.at > last) last = line.at;
      return true;
    });
    pane.append(taken);
  }

  let lostAt = null; // `latest` as it was when the connection was lost

  function address() {
    const query = new URLSearchParams(root.dataset.query);
    if (!fresh && last) {
      query.set("since", new Date(Date.parse(`${last.slice(0, 23)}Z`) - OVERLAP).toISOString());
      query.set("tail", "5000");
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
      lostAt = [...latest];
      const why = code === TOO_MANY ? refused || gettext("Too many live pages are open.") : gettext("Connection lost.");
      waiting(why, seconds);
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
