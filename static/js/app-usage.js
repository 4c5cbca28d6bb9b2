// An app's page: what its services use, live, and its services anew when the engine shows others.
"use strict";

(() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";

  const section = () => document.getElementById("app-state");
  if (!section()?.dataset.liveApp) return;
  const slug = section().dataset.liveApp;
  let usage = null; // the last frame
  let lost = ""; // why there is no connection
  let word = ""; // of the state, as it was announced

  // --- numbers in words ---

  function percent(value) {
    return `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;
  }

  function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    let number = bytes;
    while (number >= 1000 && unit < units.length - 1) {
      number /= 1024;
      unit += 1;
    }
    return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`;
  }

  function measure(used, words, limit, machine) {
    const most = limit || machine;
    const parts = { used: words(used), most: most ? words(most) : "" };
    return {
      share: most ? Math.min(1, used / most) : 0,
      text: limit ? interpolate(gettext("%(used)s of %(most)s"), parts, true) : parts.used,
      hint: limit
        ? interpolate(gettext("%(used)s of the limit, %(most)s"), parts, true)
        : interpolate(gettext("%(used)s; no limit, the machine has %(most)s"), parts, true),
    };
  }

  function measures(one) {
    return [
      { label: gettext("CPU"), ...measure(one.cpu, percent, one.cpu_limit, one.cpu_of) },
      { label: gettext("Memory"), ...measure(one.memory, size, one.memory_limit, one.memory_of) },
    ];
  }

  // --- drawing: elements are made once, and then only their numbers change ---

  function line(label) {
    const element = document.createElement("span");
    element.className = "usage-line";
    const name = document.createElement("span");
    name.className = "usage-label";
    name.textContent = label;
    const bar = document.createElementNS(NAMESPACE, "svg");
    bar.setAttribute("class", "usage-bar");
    bar.setAttribute("viewBox", "0 0 100 4");
    bar.setAttribute("preserveAspectRatio", "none");
    bar.setAttribute("aria-hidden", "true");
    const fill = document.createElementNS(NAMESPACE, "rect");
    fill.setAttribute("height", "4");
    bar.append(fill);
    const number = document.createElement("span");
    number.className = "usage-number";
    element.append(name, bar, number);
    return element;
  }

  function draw(place, one, lead) {
    const found = measures(one);
    if (place.querySelectorAll(".usage-line").length !== found.length) {
      place.replaceChildren();
      if (lead) {
        const words = document.createElement("span");
        words.className = "quiet";
        words.textContent = lead;
        place.append(words);
      }
      place.append(...found.map(({ label }) => line(label)));
    }
    place.querySelectorAll(".usage-line").forEach((element, index) => {
      const { share, text, hint } = found[index];
      const fill = element.querySelector("rect");
      fill.setAttribute("width", (share * 100).toFixed(1));
      fill.setAttribute("class", share >= 0.9 ? "usage-fill usage-full" : "usage-fill");
      const number = element.querySelector(".usage-number");
      if (number.textContent !== text) number.textContent = text;
      element.title = hint;
    });
  }

  function say(place, text) {
    if (place.textContent === text) return;
    const words = document.createElement("span");
    words.className = "quiet";
    words.textContent = text;
    place.replaceChildren(words);
  }

  function paint() {
    const total = document.querySelector("[data-usage-total]");
    if (!total) return;
    const services = (!lost && usage?.services) || {};
    for (const place of document.querySelectorAll("[data-usage-of]")) {
      const one = Object.hasOwn(services, place.dataset.usageOf) ? services[place.dataset.usageOf] : null;
      if (one) draw(place, one);
      else say(place, "–");
    }
    if (lost) say(total, lost);
    else if (!usage) say(total, gettext("Measuring what the services use …"));
    else if (usage.total) draw(total, usage.total, total.dataset.usageWords);
    else say(total, usage.services ? gettext("Nothing runs.") : gettext("Measuring what the services use …"));
  }

  // --- the services themselves ---

  function compare() {
    const shown = section();
    if (!shown || !usage || !shown.dataset.servicesKey) return;
    if (shown.dataset.servicesKey !== usage.key) refreshPart(shown.id);
  }

  function announce() {
    const now = document.getElementById("app-state-word")?.textContent.trim() ?? "";
    const status = document.getElementById("app-announcement");
    if (word && now !== word && status) status.textContent = now;
    word = now;
  }

  // What was opened stays open in the part that takes its place, and what was typed stays in it.
  let open = [];
  let typed = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("#app-state details[open]")].map(({ id }) => id);
    const inputs = [...document.querySelectorAll("#app-state input[id]")];
    typed = inputs.filter((input) => input.value !== input.defaultValue).map(({ id, value }) => [id, value]);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const [id, value] of typed) {
      const input = document.getElementById(id);
      if (input) input.value = value;
    }
    // A number that is not typed over yet was selected when its field got the focus.
    const now = document.activeElement;
    if (now?.matches("#app-state input") && now.value === now.defaultValue) now.select();
    open = [];
    typed = [];
    paint();
    announce();
  });

  const end = keepSocket({
    address: () => `/ws/apps/${encodeURIComponent(slug)}/stats/`,
    onFrame(frame) {
      if (frame.type !== "usage") return;
      usage = frame;
      paint();
      compare();
    },
    onOpen() {
      lost = "";
      paint();
    },
    onLost(_seconds, code) {
      const isOver = NOT_SERVED.includes(code);
      lost = isOver ? notServed() : gettext("Connection lost; what the services use comes back by itself.");
      paint();
      if (isOver) end();
    },
  });
  paint();
  announce();
})();
