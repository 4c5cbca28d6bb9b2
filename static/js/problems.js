// Says where a part of the page that somebody asked for did not come: no answer, or one that is no part of a page, as
// an error page of the panel's or of a proxy's before it. What is shown stays.
"use strict";

(() => {
  const place = document.getElementById("problem");
  if (!place) return;

  function say(title, text) {
    const alert = document.createElement("div");
    alert.className = "alert alert-danger";
    const words = document.createElement("div");
    const heading = document.createElement("h2");
    heading.className = "alert-heading";
    heading.textContent = title;
    const sentence = document.createElement("p");
    sentence.className = "alert-text";
    sentence.textContent = text;
    words.append(heading, sentence);
    alert.append(words);
    place.replaceChildren(alert);
    show();
  }

  function show() {
    place.scrollIntoView({ block: "nearest" });
  }

  function isAsked(request) {
    return request.triggeringEvent?.type !== "refresh";
  }

  function sayNoAnswer() {
    say(
      gettext("The panel gave no answer"),
      gettext("The connection was lost, or the panel is just starting. What you typed is still here; try again."),
    );
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const isPage = /^\s*<!doctype/i.test(xhr.response);
    const isWords = xhr.getResponseHeader("HX-Retarget") && isAsked(requestConfig);
    if (!isPage && (xhr.status < 500 || isWords)) return;
    event.detail.shouldSwap = false;
    if (!isAsked(requestConfig)) return;
    const page = new DOMParser().parseFromString(xhr.response, "text/html");
    const sentence = page.querySelector(".error-sentence");
    if (sentence) say(page.querySelector("h1").textContent.trim(), sentence.textContent);
    else sayNoAnswer();
  });

  // What was said is about what was asked before.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isAsked(event.detail.requestConfig)) place.replaceChildren();
  });

  document.addEventListener("htmx:sendError", (event) => {
    if (isAsked(event.detail.requestConfig)) sayNoAnswer();
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === place) show();
  });
})();
