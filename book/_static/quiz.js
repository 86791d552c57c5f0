"use strict";

// Questions that answer. In the page a question is a list of choices and, folded away, what there is to say of each.
// Here they become a form: choose, check, read why, try again.

(() => {
  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  // What is said of a choice stands below it from the start, hidden, in a place that screen readers listen to.
  function withRemark(choice, remark, type, name) {
    const input = make("input");
    Object.assign(input, { type, name });
    const label = make("label", "", input, make("span", "", ...choice.childNodes));
    const verdict = remark.querySelector("strong"); // “a. Right.”, and the letter stands above already
    verdict.textContent = verdict.textContent.slice(3);
    const said = make("div", `dc-remark ${remark.className}`, ...remark.childNodes);
    said.hidden = true;
    const place = make("div", "", said);
    place.setAttribute("role", "status");
    choice.replaceChildren(label, place);
    return { input, said, right: remark.classList.contains("dc-right") };
  }

  function enliven(question) {
    const [asked, list, folded] = ["p", ".dc-choices", "details"].map((part) => question.querySelector(part));
    const remarks = [...folded.querySelectorAll(".dc-right, .dc-wrong")];
    const several = folded.querySelectorAll(".dc-right").length > 1;
    const choices = [...list.children].map((choice, place) =>
      withRemark(choice, remarks[place], several ? "checkbox" : "radio", question.id),
    );

    const legend = make("legend", "", ...asked.childNodes);
    if (several) legend.append(" ", make("em", "", "Choose all that are right."));
    asked.remove();
    folded.remove();
    const outcome = make("span", "dc-outcome");
    outcome.setAttribute("role", "status");
    const button = make("button", "", "Check");
    const form = make("form", "", make("fieldset", "", legend, ...question.childNodes, make("div", "dc-check", button, outcome)));
    form.autocomplete = "off"; // a page that is loaded anew asks anew
    question.append(form);

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = choices.filter(({ input }) => input.checked);
      for (const { said } of chosen) said.hidden = false;
      const missing = choices.some(({ input, right }) => right && !input.checked);
      if (!chosen.length) outcome.textContent = "Choose an answer first.";
      else if (chosen.some(({ right }) => !right)) outcome.textContent = "Read why, and try again.";
      else if (missing) outcome.textContent = "Right so far, but not all that is right.";
      else outcome.textContent = several ? "These are all." : "";
    });
    form.addEventListener("change", () => (outcome.textContent = ""));
  }

  document.querySelectorAll(".dc-quiz").forEach(enliven);
})();
