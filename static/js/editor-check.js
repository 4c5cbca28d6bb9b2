// Has the server check a form's text while somebody types, and says what it found: first what the panel reads itself,
// after a longer pause what Compose and the host rules say.
"use strict";

// `onAnswer(answer)` gets each answer that is about the text as it stands. Returns changed(), to be called after each
// change.
function watchText(form, onAnswer) {
  const pause = { text: 300, compose: 900, busy: 15000 }; // milliseconds
  let latest = 0;
  let timer = null;
  let asking = null;

  function later(number, by, wait) {
    clearTimeout(timer);
    timer = setTimeout(() => ask(number, by), wait);
  }

  async function ask(number, by) {
    asking?.abort();
    asking = new AbortController();
    const body = new FormData(form);
    body.set("by", by);
    body.delete("run");
    let answer;
    try {
      const sent = { method: "POST", body, signal: asking.signal, redirect: "manual", headers: { Accept: "application/json" } };
      const response = await fetch(form.dataset.check, sent);
      if (response.ok) answer = await response.json();
      else answer = { failure: failureOf(response) };
      if (response.status === 429) later(number, by, pause.busy);
    } catch (error) {
      if (error.name === "AbortError") return;
      answer = { failure: gettext("The panel does not answer, so the text is not checked now. Nothing is lost.") };
    }
    // Somebody typed on: what was found is about a text that is no more.
    if (number !== latest) return;
    onAnswer(answer);
    if (by === "text" && answer.problems && !answer.problems.length) later(number, "compose", pause.compose);
  }

  function failureOf(response) {
    if (response.status === 429) return gettext("Checked often enough for now. The next check comes in a moment.");
    if (response.type === "opaqueredirect" || response.status === 401) {
      return gettext("You are signed out, so the text is not checked. Sign in again in another tab; it stays here.");
    }
    return gettext("The text could not be checked. Nothing is lost.");
  }

  return () => {
    latest += 1;
    later(latest, "text", pause.text);
  };
}

// Writes what a check found below the editor, and calls `goTo(problem)` for the one that is pressed.
function showChecks(place, answer, goTo) {
  const status = place.querySelector("[data-check-status]");
  const list = place.querySelector("[data-check-list]");
  const { problems = [], warnings = [], failure = "", complete = false } = answer;
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
  let said = failure;
  if (problems.length) said = interpolate(ngettext("%s problem", "%s problems", problems.length), [problems.length]);
  else if (!failure) said = complete ? gettext("No problem found.") : "";
  status.dataset.kind = problems.length ? "bad" : failure ? "warning" : complete ? "good" : "";
  // Only what is new is read out.
  if (status.textContent !== said) status.textContent = said;
}
