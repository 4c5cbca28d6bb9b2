// Text that somebody wrote and has not deployed, kept by the browser until it is deployed, or they sign out, or another
// person signs in. Values of an environment are never among it.
"use strict";

const drafts = (() => {
  const prefix = "simpledeploy:draft:";
  const sent = "simpledeploy:sent";
  const left = "simpledeploy:signed-out"; // by which the other tabs learn of it
  const longest = 30 * 24 * 3600 * 1000; // milliseconds
  const { person } = document.currentScript.dataset; // none: nobody is signed in, and whoever was may come back
  let closed = false;

  function quietly(act) {
    try {
      return act();
    } catch {
      return null; // No room, or the browser keeps nothing: then there are no drafts.
    }
  }

  function keys() {
    return quietly(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix))) ?? [];
  }

  function load(name) {
    return quietly(() => JSON.parse(localStorage.getItem(prefix + name)));
  }

  const found = {
    load,
    // Whether nothing is kept any more, as somebody signed out in another tab.
    get isClosed() {
      return closed;
    },
    // The names of the drafts that begin with `start`.
    names: (start) => keys().map((key) => key.slice(prefix.length)).filter((name) => name.startsWith(start)),
    save(name, draft) {
      if (!closed) quietly(() => localStorage.setItem(prefix + name, JSON.stringify({ ...draft, at: Date.now() })));
    },
    remove: (name) => quietly(() => localStorage.removeItem(prefix + name)),
    // The form with this draft is on its way; where it leads to an event, the draft has become a version.
    send: (name) => quietly(() => sessionStorage.setItem(sent, JSON.stringify({ name, from: window.location.pathname }))),
  };

  for (const key of keys()) {
    const name = key.slice(prefix.length);
    const draft = load(name);
    const isAnothers = person && !name.startsWith(`${person}:`);
    if (isAnothers || !draft || Date.now() - draft.at > longest) found.remove(name);
  }

  const last = quietly(() => JSON.parse(sessionStorage.getItem(sent)));
  quietly(() => sessionStorage.removeItem(sent));
  const came = quietly(() => new URL(document.referrer));
  const isEvent = /^\/events\/\d+\/$/.test(window.location.pathname);
  if (last && isEvent && came?.origin === window.location.origin && came.pathname === last.from) found.remove(last.name);

  if (person) quietly(() => localStorage.removeItem(left));
  window.addEventListener("storage", (event) => { if (event.key === left) closed = event.newValue !== null; });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-sign-out]")) return;
    closed = true;
    quietly(() => localStorage.setItem(left, "1"));
    for (const key of keys()) quietly(() => localStorage.removeItem(key));
  });

  return found;
})();
