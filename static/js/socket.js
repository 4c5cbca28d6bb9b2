// A WebSocket of this panel that comes back by itself, waiting longer after each failure.
"use strict";

// `address()` is asked before each attempt; `onFrame(frame)` gets each message as an object;
// `onLost(seconds, code)` is told when the next attempt comes and by which code the last one was closed,
// `onOpen()` when the connection stands.
// Returns a function that ends it for good.
function keepSocket({ address, onFrame, onOpen, onLost }) {
  const shortest = 500;
  const longest = 15000;
  let delay = shortest;
  let socket = null;
  let timer = null;
  let ended = false;

  function open() {
    timer = null;
    const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${window.location.host}${address()}`);
    socket.addEventListener("open", onOpen);
    socket.addEventListener("message", (message) => {
      // Only what arrives counts as working: a server that accepts and drops is not hammered.
      delay = shortest;
      onFrame(JSON.parse(message.data));
    });
    socket.addEventListener("close", (close) => {
      if (ended) return;
      const wait = delay * (0.75 + Math.random() / 2);
      delay = Math.min(delay * 2, longest);
      onLost(wait / 1000, close.code);
      timer = setTimeout(open, wait);
    });
  }

  // Coming back to the tab, or back on line, is a good moment to try at once.
  function hurry() {
    if (timer === null || document.visibilityState !== "visible") return;
    clearTimeout(timer);
    open();
  }

  document.addEventListener("visibilitychange", hurry);
  window.addEventListener("online", hurry);
  open();

  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", hurry);
    window.removeEventListener("online", hurry);
    socket.close();
  };
}
