// Hides values that somebody was shown after a while, as the link that does so would; a press or key gives more time.
"use strict";

for (const link of document.querySelectorAll("[data-hide-again]")) {
  let timer = null;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => window.location.replace(link.href), Number(link.dataset.hideAgain) * 1000);
  };
  for (const event of ["keydown", "pointerdown"]) document.addEventListener(event, later, { passive: true });
  later();
}
