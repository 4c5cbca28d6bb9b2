// Has the server check a form's text while somebody types, and says what it found: first what the panel reads itself,
// after a longer pause what Compose and the host rules say.
"use strict";

// `onAnswer(answer)` gets each answer that is about the text as it stands; where it has `isFirst`, what Compose found
// before stands until Compose has looked again. Returns changed(), to be called after each change, and isSignedOut().
function watchText(form, onAnswer) {
  const pause = { text: 300, compose: 900, away: 3000, busy: 15000 }; // milliseconds
  let latest = 0;
  let timer = null;
  let asking = null;
  let isSignedOut = false;
  let foundByCompose = false;

  function later(number, by, wait) {
    clearTimeout(timer);
    timer = setTimeout(() => ask(number, by), wait);
  }

  function send(by, signal) {
    const body = new FormData(form);
    body.set("by", by);
    body.delete("run");
    const sent = { method: "POST", body, signal, redirect: "manual", headers: { Accept: "application/json" } };
    return fetch(form.dataset.check, sent);
  }

  // Who signed in again in another tab has another token there; the one of this form is good for nothing any more, not
  // even to deploy what was typed. Another person's is not taken.
  async function renewToken(signal) {
    const page = await fetch(form.action, { signal, redirect: "manual" });
    if (!page.ok) return false;
    const same = new DOMParser().parseFromString(await page.text(), "text/html").querySelector("form[data-draft]");
    const [mine, theirs] = [form, same].map((one) => one?.dataset.draft.split(":")[0]);
    if (mine !== theirs) return false;
    for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) {
      field.value = same.elements.csrfmiddlewaretoken.value;
    }
    return true;
  }

  async function ask(number, by) {
    asking?.abort();
    asking = new AbortController();
    const { signal } = asking;
    let answer;
    let isAway = false;
    try {
      let response = await send(by, signal);
      if (response.status === 403 && await renewToken(signal)) response = await send(by, signal);
      isSignedOut = response.type === "opaqueredirect" || response.status === 401;
      if (response.ok) answer = await response.json();
      else answer = { failure: failureOf(response) };
      if (response.status === 429 && number === latest) later(number, by, pause.busy);
    } catch (error) {
      if (error.name === "AbortError") return;
      isAway = true;
      answer = { failure: gettext("The panel does not answer, so the text is not checked now. Nothing is lost.") };
    }
    // Somebody typed on: what was found is about a text that is no more.
    if (number !== latest) return;
    const goesOn = by === "text" && answer.problems && !answer.problems.length;
    onAnswer({ ...answer, isFirst: goesOn && foundByCompose });
    if (!goesOn) foundByCompose = by === "compose" && Boolean(answer.problems?.length);
    if (isAway) later(number, by, pause.away);
    if (goesOn) later(number, "compose", pause.compose);
  }

  function failureOf(response) {
    if (response.status === 429) return gettext("Checked often enough for now. The next check comes in a moment.");
    if (isSignedOut) {
      return gettext("You are signed out, so the text is not checked. Sign in again in another tab; it stays here.");
    }
    return gettext("The text could not be checked. Nothing is lost.");
  }

  document.addEventListener("visibilitychange", () => {
    if (isSignedOut && !document.hidden) later(latest, "text", 0);
  });

  return {
    changed() {
      latest += 1;
      later(latest, "text", pause.text);
    },
    isSignedOut: () => isSignedOut,
  };
}

// Writes what a check found below the editor, and calls `goTo(problem)` for the one that is pressed.
function showChecks(place, answer, goTo) {
  const status = place.querySelector("[data-check-status]");
  const list = place.querySelector("[data-check-list]");
  const { problems = [], warnings = [], failure = "", complete = false } = answer;
  // What is found again stays as it is: somebody may be about to press it, or have the focus there.
  const found = JSON.stringify([problems, warnings]);
  if (list.dataset.found !== found) {
    list.dataset.found = found;
    list.replaceChildren(
      ...problems.map((problem) => {
        const item = document.createElement("li");
        item.className = "check-problem";
        if (problem.line) {
          const button = document.createElement("button");
          button.type = "button";
          button.className = "check-line";
          const words = problem.source === "environment" ? gettext("Environment, line %s") : gettext("Line %s");
          button.textContent = interpolate(words, [problem.line]);
          button.addEventListener("click", () => goTo(problem));
          item.append(button, " ");
        }
        item.append(problem.message);
        return item;
      }),
      ...warnings.map((warning) => {
        const item = document.createElement("li");
        item.textContent = warning;
        return item;
      }),
    );
  }
  let said = failure;
  if (problems.length) said = interpolate(ngettext("%s problem", "%s problems", problems.length), [problems.length]);
  else if (!failure) said = complete ? gettext("No problem found.") : "";
  status.dataset.kind = problems.length ? "bad" : failure ? "warning" : complete ? "good" : "";
  // Only what is new is read out.
  if (status.textContent !== said) status.textContent = said;
}
