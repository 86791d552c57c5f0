"use strict";

// Sphinx's search shows an excerpt of each hit by fetching the page, which a browser refuses to pages opened from
// a file. There the list of hits must do.
DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";

// A formula or table too wide for the page scrolls inside itself; whoever has no mouse must be able to reach it.
function letKeyboardScroll() {
  for (const wide of document.querySelectorAll("mjx-container[display], .pst-scrollable-table-container")) {
    if (wide.scrollWidth > wide.clientWidth) {
      wide.tabIndex = 0;
    } else {
      wide.removeAttribute("tabindex");
    }
  }
}
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  letKeyboardScroll();
  window.addEventListener("resize", letKeyboardScroll);
});
