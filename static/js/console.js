// A terminal that talks to a shell in a container. Each connection is a shell of its own: when it is lost, the
// shell has ended, so that nothing is opened again without being asked for.
"use strict";

(() => {
  const CHUNK = 16 * 1024; // bytes that are sent at a time, of a long text that is pasted
  const AHEAD = 4; // of them under way
  const TAKEN = 32 * 1024; // bytes that were shown, after which the server is told
  const LEAVE = 1000; // milliseconds between Escape and Tab

  const WHY = {
    page_closed: gettext("The page was closed."),
    container_stopped: gettext("The container stopped."),
    right_taken: gettext("You may no longer open consoles here."),
    signed_out: gettext("You are signed out."),
    idle: gettext("Nothing was typed for too long."),
    time_over: gettext("It was open for the longest time that a console may be."),
    too_fast: gettext("More was sent than the shell took."),
    panel_stopped: gettext("The panel was stopped."),
    failed: gettext("The shell could not be started."),
  };
  const CODES = {
    4400: gettext("The panel did not understand this; load the page again."),
    4401: WHY.signed_out,
    4404: WHY.right_taken,
    4428: gettext("You signed in a while ago. Load the page again and confirm that it is you."),
    4429: gettext("Too many live pages or consoles are open. Close one of them first."),
    1001: WHY.panel_stopped,
  };
  const LIGHT = {
    background: "#ffffff", foreground: "#1f2328", cursor: "#1f2328", cursorAccent: "#ffffff",
    selectionBackground: "#b6d4f5", black: "#1f2328", red: "#b3261e", green: "#1a6b35", yellow: "#7a5200",
    blue: "#0a58ca", magenta: "#8e2a9c", cyan: "#0b6b75", white: "#59636e", brightBlack: "#59636e",
    brightRed: "#b3261e", brightGreen: "#1a6b35", brightYellow: "#7a5200", brightBlue: "#0a58ca",
    brightMagenta: "#8e2a9c", brightCyan: "#0b6b75", brightWhite: "#1f2328",
  };
  const DARK = {
    background: "#11151c", foreground: "#dbe1ea", cursor: "#dbe1ea", cursorAccent: "#11151c",
    selectionBackground: "#31517d", black: "#2a313c", red: "#f28b82", green: "#7fd39b", yellow: "#e5b567",
    blue: "#8ab4f8", magenta: "#d99be8", cyan: "#6fd3dd", white: "#dbe1ea", brightBlack: "#8b949e",
    brightRed: "#f28b82", brightGreen: "#7fd39b", brightYellow: "#e5b567", brightBlue: "#8ab4f8",
    brightMagenta: "#d99be8", brightCyan: "#6fd3dd", brightWhite: "#ffffff",
  };

  const root = document.querySelector("[data-console]");
  if (!root) return;
  const part = (name) => root.querySelector(`[data-console-${name}]`);
  const form = part("form");
  const [open, close, reader, screen, status] = ["open", "close", "reader", "screen", "status"].map(part);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const encoder = new TextEncoder();

  let terminal = null;
  let fit = null;
  let socket = null;
  let waiting = []; // chunks that are not sent yet
  let unanswered = 0; // frames that were sent and that the server has not answered
  let shown = 0; // bytes that were shown since the server was told
  let escapedAt = -LEAVE;
  let ended = ""; // why the shell ended, in words

  function say(text, kind = "") {
    status.textContent = text;
    status.dataset.kind = kind;
  }

  // --- the terminal ---

  function theme() {
    return dark.matches ? DARK : LIGHT;
  }

  function makeTerminal() {
    terminal = new Terminal({
      cursorBlink: true,
      fontFamily: getComputedStyle(screen).fontFamily,
      fontSize: 14,
      minimumContrastRatio: 4.5,
      scrollback: 5000,
      theme: theme(),
      // A program may call anything a link; nobody follows it by a click.
      linkHandler: { activate() {} },
      windowOptions: {},
    });
    fit = new FitAddon.FitAddon();
    terminal.loadAddon(fit);
    terminal.open(screen);
    fit.fit();
    terminal.onData((text) => type(encoder.encode(text)));
    terminal.onBinary((text) => type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => tell({ type: "size", columns: cols, rows }));
    terminal.attachCustomKeyEventHandler((event) => {
      if (event.type !== "keydown") return true;
      // Then the browser moves on.
      if (event.key === "Tab" && (!isOpen() || event.timeStamp - escapedAt < LEAVE)) return false;
      escapedAt = event.key === "Escape" ? event.timeStamp : -LEAVE;
      return true;
    });
    dark.addEventListener("change", () => { terminal.options.theme = theme(); });
    let fitting = null;
    new ResizeObserver(() => {
      clearTimeout(fitting);
      fitting = setTimeout(() => fit.fit(), 100);
    }).observe(screen);
    root.terminal = terminal;
  }

  // --- the way to the shell ---

  // Ctrl+W deletes a word in a shell, and in a browser closes the page with all that runs in it.
  window.addEventListener("beforeunload", (event) => { if (isOpen()) event.preventDefault(); });

  function isOpen() {
    return socket?.readyState === WebSocket.OPEN;
  }

  function tell(message) {
    if (isOpen()) socket.send(JSON.stringify(message));
  }

  function type(bytes) {
    if (!isOpen()) return;
    for (let start = 0; start < bytes.length; start += CHUNK) waiting.push(bytes.subarray(start, start + CHUNK));
    sendWaiting();
  }

  function sendWaiting() {
    while (waiting.length && unanswered < AHEAD) {
      socket.send(waiting.shift());
      unanswered += 1;
    }
  }

  function show(data) {
    const bytes = new Uint8Array(data);
    terminal.write(bytes, () => {
      shown += bytes.length;
      if (shown < TAKEN) return;
      tell({ type: "taken", bytes: shown });
      shown = 0;
    });
  }

  function onFrame(frame) {
    if (frame.type === "typed") {
      unanswered -= frame.frames;
      sendWaiting();
    } else if (frame.type === "opened") {
      say(interpolate(gettext("%(shell)s in %(container)s"), frame, true), "live");
    } else if (frame.type === "idle") {
      const words = ngettext(
        "Type something, or this console ends in %s second.", "Type something, or this console ends in %s seconds.", frame.seconds,
      );
      say(interpolate(words, [frame.seconds]), "lost");
    } else if (frame.type === "refused") {
      ended = frame.text;
    } else if (frame.type === "closed") {
      ended = WHY[frame.why] ?? interpolate(gettext("The shell ended with exit code %s."), [frame.exit_code]);
    }
  }

  function start() {
    const again = Boolean(terminal);
    screen.hidden = false;
    if (again) terminal.reset();
    else makeTerminal();
    if (again) terminal.writeln(gettext("A new shell begins; the one before has ended, with all that ran in it."));
    [waiting, unanswered, shown, ended] = [[], 0, 0, ""];
    const [service, index] = form.elements.place.value.split("|");
    const query = new URLSearchParams({
      service, index, shell: form.elements.shell.value, columns: terminal.cols, rows: terminal.rows,
    });
    const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${window.location.host}${root.dataset.socket}?${query}`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") onFrame(JSON.parse(data));
      else show(data);
    });
    socket.addEventListener("close", finish);
    say(gettext("Opening …"));
    setOpen(true);
    terminal.focus();
    root.scrollIntoView({ block: "end" });
  }

  function finish({ code }) {
    const why = ended || CODES[code] || gettext("The connection was lost, and with it the shell has ended.");
    say(why, "lost");
    // In the colour of what is quiet; only our own words, never what came from elsewhere.
    terminal.write(`\r\n\x1b[0m\x1b[?25h\x1b[90m${gettext("This console has ended.")}\x1b[0m\r\n`);
    setOpen(false);
    open.querySelector("span").textContent = gettext("Open a new one");
  }

  function setOpen(on) {
    const wasClosed = document.activeElement === close;
    close.hidden = !on;
    reader.hidden = false;
    open.disabled = on;
    form.elements.place.disabled = form.elements.shell.disabled = on;
    // Else it stays where it is: who goes on typing would open another shell by Enter, and type into that.
    if (wasClosed) open.focus();
  }

  // --- what the person does ---

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  close.addEventListener("click", () => {
    ended = gettext("You closed it.");
    socket.close();
  });
  reader.addEventListener("click", () => {
    const on = reader.getAttribute("aria-pressed") !== "true";
    reader.setAttribute("aria-pressed", String(on));
    terminal.options.screenReaderMode = on;
    terminal.focus();
  });
  open.hidden = false;
})();
