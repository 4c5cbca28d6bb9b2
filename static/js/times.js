// Keeps relative times and running durations true while a page stays open.
"use strict";

(() => {
  const language = document.documentElement.lang;

  function say(text, values) {
    return interpolate(text, values, true);
  }

  function relative(seconds) {
    let count = Math.floor(seconds / 86400);
    if (count >= 1) return say(ngettext("%(count)s day ago", "%(count)s days ago", count), { count });
    count = Math.floor(seconds / 3600);
    if (count >= 1) return say(ngettext("%(count)s hour ago", "%(count)s hours ago", count), { count });
    count = Math.floor(seconds / 60);
    if (count >= 1) return say(ngettext("%(count)s minute ago", "%(count)s minutes ago", count), { count });
    count = Math.floor(seconds);
    if (count >= 10) return say(ngettext("%(count)s second ago", "%(count)s seconds ago", count), { count });
    return gettext("just now");
  }

  function lasting(seconds) {
    const tenth = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    if (seconds < 10) return say(gettext("%(seconds)s s"), { seconds: seconds.toLocaleString(language, tenth) });
    const whole = Math.floor(seconds);
    if (whole < 60) return say(gettext("%(seconds)s s"), { seconds: whole });
    const minutes = Math.floor(whole / 60);
    if (minutes < 60) return say(gettext("%(minutes)s min %(seconds)s s"), { minutes, seconds: whole % 60 });
    return say(gettext("%(hours)s h %(minutes)s min"), { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
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
