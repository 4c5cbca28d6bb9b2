// Lets xterm.js dress its screen under `style-src 'self'`: it makes <style> elements and sets style attributes,
// which the content security policy rightly takes for inline styles. What scripts set by the CSSOM is allowed, so
// its sheets become constructed ones, and its attributes go to the element's own style. To be loaded before xterm.js.
"use strict";

(() => {
  const create = Document.prototype.createElement;

  // What xterm.js takes for a <style> element: its text goes to a sheet of the document.
  function styleElement() {
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
    const element = create.call(document, "span");
    element.hidden = true;
    Object.defineProperty(element, "textContent", { set: (css) => sheet.replaceSync(css) });
    return element;
  }

  document.createElement = function createElement(name, ...options) {
    return name === "style" ? styleElement() : create.call(this, name, ...options);
  };

  HTMLSpanElement.prototype.setAttribute = function setAttribute(name, value) {
    if (name === "style") this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
})();
