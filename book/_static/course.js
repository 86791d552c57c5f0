"use strict";

// Sphinx's search shows an excerpt of each hit by fetching the page, which a browser refuses to pages opened from
// a file. There the list of hits must do.
DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";

// A formula too wide for the page scrolls inside its own line; whoever has no mouse must be able to reach it.
function letKeyboardScrollFormulas() {
  for (const formula of document.querySelectorAll("mjx-container[display]")) {
    if (formula.scrollWidth > formula.clientWidth) {
      formula.tabIndex = 0;
    } else {
      formula.removeAttribute("tabindex");
    }
  }
}
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  letKeyboardScrollFormulas();
  window.addEventListener("resize", letKeyboardScrollFormulas);
});
