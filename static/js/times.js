// Keeps relative times and running durations true while a page stays open.
"use strict";

(() => {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];

  function relative(seconds) {
    for (const [unit, size] of units) {
      const count = Math.floor(seconds / size);
      if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
    }
    return seconds < 10 ? "just now" : `${Math.floor(seconds)} seconds ago`;
  }

  function lasting(seconds) {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    const whole = Math.floor(seconds);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function age(text) {
    return Math.max(0, (Date.now() - Date.parse(text)) / 1000);
  }

  setInterval(() => {
    for (const element of document.querySelectorAll("time.ago")) write(element, relative(age(element.dateTime)));
    for (const element of document.querySelectorAll("[data-since]")) write(element, lasting(age(element.dataset.since)));
  }, 1000);
})();
