// The icon of the tab says that something is being deployed.
"use strict";

(() => {
  const icon = document.querySelector("link[rel=icon]");
  const idle = icon.getAttribute("href");
  const { busy } = icon.dataset;

  document.addEventListener("panel:apps", (event) => {
    const wanted = event.detail.busy ? busy : idle;
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  });
})();
