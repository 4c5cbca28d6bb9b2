// Puts CodeMirror in the place of a Compose file's text area, which stays the form's field and always has its text.
"use strict";

const makeCodeEditor = (() => {
  const { EditorState, EditorView } = window.CodeMirror;
  // Colours are the panel's own, so that they follow light and dark; see editor.css.
  const theme = EditorView.theme({
    "&": { color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: ".8125rem", borderRadius: "4px" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--tblr-font-monospace)", lineHeight: "1.25rem", borderRadius: "4px" },
    ".cm-content": { padding: ".5rem 0", caretColor: "var(--ink)" },
    ".cm-content, .cm-gutter": { minHeight: "27.5rem" },
    ".cm-line": { padding: "0 .75rem 0 .375rem" },
    ".cm-gutters": { color: "var(--quiet)", backgroundColor: "var(--sunken)", borderRight: "1px solid var(--line)" },
    ".cm-lineNumbers .cm-gutterElement": { padding: "0 .25rem 0 .5rem" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--code-line)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
      { backgroundColor: "var(--code-selection)" },
    ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "var(--code-match)" },
    ".cm-searchMatch-selected": { backgroundColor: "var(--code-match)", outline: "1px solid var(--ink)" },
    ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--code-match)" },
    ".cm-specialChar": { color: "var(--bad)", fontWeight: "700" },
    ".cm-tooltip, .cm-panels": { color: "var(--ink)", backgroundColor: "var(--surface)", borderColor: "var(--line)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--tblr-font-monospace)" },
    ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--surface)", backgroundColor: "var(--accent)" },
    ".cm-completionInfo": { maxWidth: "22rem", padding: ".375rem .5rem" },
    ".cm-completionMatchedText": { fontWeight: "700", textDecoration: "none" },
    ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
    ".cm-panel.cm-search": { padding: ".5rem" },
    ".cm-textfield": { color: "var(--ink)", backgroundColor: "var(--surface)", border: "1px solid var(--quiet)" },
    ".cm-button": { color: "var(--ink)", background: "var(--sunken)", border: "1px solid var(--quiet)" },
    ".cm-panel.cm-search [name=close]": { color: "var(--ink)" },
    ".cm-foldPlaceholder": { color: "var(--quiet)", backgroundColor: "var(--sunken)", borderColor: "var(--line)" },
  });
  const { tags } = window.CodeMirror;
  const colours = window.CodeMirror.HighlightStyle.define([
    { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
    { tag: [tags.string, tags.attributeValue], color: "var(--code-string)" },
    { tag: [tags.comment, tags.lineComment], color: "var(--quiet)", fontStyle: "italic" },
    { tag: [tags.labelName, tags.typeName, tags.keyword, tags.meta], color: "var(--code-mark)" },
  ]);

  // What CodeMirror says, in the panel's language.
  const phrases = () => ({
    "Find": gettext("Find"), "Replace": gettext("Replace"), "next": gettext("next"), "previous": gettext("previous"),
    "all": gettext("all"), "match case": gettext("match case"), "by word": gettext("by word"),
    "regexp": gettext("regexp"), "replace": gettext("replace"), "replace all": gettext("replace all"),
    "close": gettext("close"), "current match": gettext("current match"), "on line": gettext("on line"),
    "replaced $ matches": gettext("replaced $ matches"), "replaced match on line $": gettext("replaced match on line $"),
    "Completions": gettext("Completions"), "Control character": gettext("Control character"),
    "Fold line": gettext("Fold line"), "Unfold line": gettext("Unfold line"), "to": gettext("to"),
    "folded code": gettext("folded code"), "unfold": gettext("unfold"), "Go to line": gettext("Go to line"),
    "go": gettext("go"),
  });

  // The place of a problem: its line, from its column to the end of the word there.
  function range(doc, { line, column }) {
    const at = doc.line(Math.min(Math.max(line ?? 1, 1), doc.lines));
    const from = Math.min(at.from + Math.max((column ?? 1) - 1, 0), at.to);
    const word = /^[^\s:,]+/.exec(at.text.slice(from - at.from));
    return { from, to: word ? from + word[0].length : at.to };
  }

  // `complete` is CodeMirror's completion source. Returns text(), replace(text), show(problems), goTo(problem), and
  // onChange(callback).
  return (textarea, complete) => {
    const code = window.CodeMirror;
    const label = document.querySelector(`label[for="${textarea.id}"]`);
    const described = [textarea.getAttribute("aria-describedby"), textarea.dataset.hint].filter(Boolean).join(" ");
    const callbacks = [];
    label.id ||= `${textarea.id}_label`;

    // A browser takes its time to put many lines into a text area. So what is sent is taken from here, and the text area
    // gets it when the page is left: from there the browser fills it in for somebody who comes back.
    const text = () => view.state.doc.toString();
    let written = textarea.value;
    const changed = EditorView.updateListener.of((update) => {
      if (update.docChanged) for (const callback of callbacks) callback();
    });
    textarea.form.addEventListener("formdata", (event) => event.formData.set(textarea.name, text()));
    window.addEventListener("pagehide", () => {
      textarea.value = text();
      written = textarea.value;
    });
    // Left to the browser, text that replaces a selection, or is more than one sign (a voice, a script), is put in with
    // style attributes, which the content security policy refuses.
    const inserted = EditorView.domEventHandlers({
      beforeinput(event, view) {
        const selection = document.getSelection();
        const isPlain = event.inputType === "insertText" && event.data && !event.isComposing && selection.rangeCount;
        if (!isPlain || (event.data.length === 1 && selection.isCollapsed)) return false;
        const range = selection.getRangeAt(0);
        const known = view.state.selection.main; // the browser's own may end with the lines that are drawn
        const from = known.empty ? view.posAtDOM(range.startContainer, range.startOffset) : known.from;
        const to = known.empty ? view.posAtDOM(range.endContainer, range.endOffset) : known.to;
        const insert = view.state.toText(event.data);
        const change = () => view.state.update({
          changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: "input.type",
        });
        const handlers = view.state.facet(EditorView.inputHandler);
        if (!handlers.some((handle) => handle(view, from, to, event.data, change))) view.dispatch(change());
        return true;
      },
    });
    const view = new EditorView({
      doc: textarea.value,
      extensions: [
        code.lineNumbers(), code.linter(null), code.lintGutter(), code.foldGutter(), code.highlightSpecialChars(), code.history(),
        code.drawSelection(), code.dropCursor(), code.indentOnInput(), code.bracketMatching(), code.closeBrackets(),
        code.highlightActiveLine(), code.highlightActiveLineGutter(), code.highlightSelectionMatches(),
        code.rectangularSelection(), code.crosshairCursor(), code.search(), EditorState.allowMultipleSelections.of(true),
        code.autocompletion({ override: [complete], icons: false }),
        code.yaml(), code.indentUnit.of("  "), EditorState.tabSize.of(4),
        code.syntaxHighlighting(colours), theme, EditorState.phrases.of(phrases()),
        code.keymap.of([
          ...code.closeBracketsKeymap, ...code.defaultKeymap, ...code.searchKeymap, ...code.historyKeymap,
          ...code.foldKeymap, ...code.completionKeymap, ...code.lintKeymap, code.indentWithTab,
        ]),
        EditorView.contentAttributes.of({
          "aria-labelledby": label.id, "aria-describedby": described, spellcheck: "false", autocapitalize: "off",
          tabindex: "0", // as it is anyway, for tools that go by attributes
        }),
        changed, inserted,
      ],
    });

    // Somebody may have begun in the text area, which is there before this script.
    const hadFocus = document.activeElement === textarea;
    const { selectionStart: anchor, selectionEnd: head } = textarea;
    const box = textarea.closest(".editor");
    box.hidden = true;
    const host = document.createElement("div");
    host.className = "code-editor";
    host.append(view.dom);
    box.after(host);
    label.removeAttribute("for");
    label.addEventListener("click", () => view.focus());
    if (hadFocus) {
      view.dispatch({ selection: { anchor, head } });
      view.focus();
    }

    const replace = (text) => {
      const length = view.state.doc.length;
      view.dispatch({ changes: { from: 0, to: length, insert: text }, selection: { anchor: 0 } });
    };
    // A browser that comes back to the page puts what was typed back into the text area, after this script has run.
    window.addEventListener("pageshow", () => {
      if (textarea.value === written) return;
      written = textarea.value;
      replace(written);
    });

    return {
      view,
      text,
      replace,
      onChange: (callback) => callbacks.push(callback),
      show(problems) {
        const { doc } = view.state;
        const found = problems.filter((one) => one.line).map((one) => ({
          ...range(doc, one), severity: "error", message: one.message,
        }));
        view.dispatch(code.setDiagnostics(view.state, found.sort((a, b) => a.from - b.from)));
      },
      goTo(problem) {
        const { from } = range(view.state.doc, problem);
        view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
        view.focus();
      },
    };
  };
})();

// CodeMirror's completion source for Compose files; the schema at `address` is fetched when it is first needed.
function composeCompletion(address) {
  let schema = null;
  return async (context) => {
    const { doc } = context.state;
    const line = doc.lineAt(context.pos);
    const lines = doc.toString().split("\n");
    const position = composePosition(lines, line.number - 1, line.text.slice(0, context.pos - line.from));
    if (!position || (!position.typed && !context.explicit)) return null;
    schema ??= fetch(address).then((answer) => answer.json()).catch(() => null);
    const known = await schema;
    if (!known) {
      schema = null; // The next one tries again.
      return null;
    }
    const indent = /^ *(?:- +)*/.exec(line.text)[0].length;
    const step = " ".repeat(indent + 2);
    const after = line.text.slice(context.pos - line.from);
    const options = composeOptions(known, position, composeNames(lines)).map((option) => ({
      label: option.label,
      type: option.type,
      info: option.info,
      // What already stands behind the cursor says itself what comes next.
      apply: option.label + (after.trim() ? "" : option.tail.replace("\n", `\n${step}`)),
    }));
    return { from: context.pos - position.typed.length, options, validFor: /^[\w.-]*$/ };
  };
}
