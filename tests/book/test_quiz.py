"""Questions that answer: the form of their source, and what becomes of them in a browser, with a script and without."""

import io
import json
import re
from contextlib import redirect_stderr

import pytest

from tests.book.browser import PHONE, axe_findings, opened
from tests.book.conftest import TOC, SmallBook
from tools.book import ROOT, BookError

CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))

QUESTION = """\
**1.** Why $x^2$?

- **a.** Because $x$.
- **b.** Because {cite:t}`he2015delving`.
- **c.** Because.

<details><summary>Answer</summary>

- **a. Not so.** It looks so, but $x > 1$.
- **b. Right.** See {cite:t}`he2015delving`.
- **c. Not so.** No reason is none.

</details>
"""
SEVERAL = QUESTION.replace("**1.**", "**2.**").replace("c. Not so.", "c. Right.")
IN_WORDS = "**3.** And in words?\n\n<details><summary>Answer</summary>\n\nFor $x$.\n\n</details>\n"
PAGE = "# A page\n\n## Check your understanding\n\nTry them.\n\n{}\n\n## Further reading\n\nNone.\n"

# What is changed in the sound question, and what the warning says of it.
FAULTS = {
    "no right choice": [("b. Right.", "b. Not so."), "0 of its 3 choices are right"],
    "no wrong choice": [(r"Not so\.", "Right."), "3 of its 3 choices are right"],
    "choice without feedback": [(r"- \*\*c\. Not.*\n", ""), "choice c has 0 items of feedback"],
    "feedback twice": [(r"c\. Not so", "b. Not so"), "choice b has 2 items of feedback"],
    "feedback on no choice": [(r"c\. Not so", "d. Not so"), "feedback for d, and no such choice"],
    "feedback out of order": [(r"(- \*\*b\. .*\n)(- \*\*c\. .*\n)", r"\2\1"), "in the order of the choices"],
    "feedback without a verdict": [("a. Not so.", "a."), "begin the feedback “a. It looks so"],
    "feedback that says nothing": [(" No reason is none.", ""), "its feedback is empty"],
    "two choices": [(r"- \*\*c.*\n", ""), "three to 6 items"],
    "letters out of order": [(r"\*\*c\.\*\* Because", "**d.** Because"), "three to 6 items"],
    "choices without letters": [(r"\*\*([abc])\.\*\* ", ""), "three to 6 items"],
    "no choices": [(r"- \*\*[abc]\.\*\* .*\n", ""), "before it no list of choices"],
    "answer in another form": [("<details><summary>Answer", "<details><summary>Solution"), "must stand between a line"],
    "answer not closed": [("</details>", ""), "must stand between a line"],
    "text after the answer": [("</details>", "</details>\n\nMore."), "must stand between a line"],
    "text beside the feedback": [(r"(- \*\*a\. N)", r"Look:\n\n\1"), "one list, with an item for each choice"],
    "number that skips": [(r"\*\*1\.\*\*", "**2.**"), "this one is the question **1.**"],
}


def page_of(name):
    return f"book/{name.replace(' ', '_')}"


def small_book_with(folder, pages):
    """Return a small book with these pages, by name, besides its own."""
    small = SmallBook(folder)
    small.write("_toc.yml", TOC + "".join(f"      - file: {page_of(name)}\n" for name in pages))
    for name, text in pages.items():
        small.write(f"{page_of(name)}.md", text)
    return small


@pytest.fixture(scope="module")
def warnings(tmp_path_factory):
    """What the build says of pages with a fault each, and of one whose second question repeats a number."""
    pages = {}
    for name, ((old, new), _) in FAULTS.items():
        pages[name], count = re.subn(old, new, PAGE.format(QUESTION))
        assert count, name
    pages["one number twice"] = PAGE.format(QUESTION + "\n" + QUESTION)
    said = io.StringIO()
    with redirect_stderr(said), pytest.raises(BookError):
        small_book_with(tmp_path_factory.mktemp("faulty"), pages).build()
    return said.getvalue().splitlines()


@pytest.fixture(scope="module")
def quizzes(tmp_path_factory):
    """A small book with a page of three questions."""
    text = PAGE.format("\n".join([QUESTION, SEVERAL, IN_WORDS]))
    small = small_book_with(tmp_path_factory.mktemp("quizzes"), {"quiz": text})
    small.build()
    return small


@pytest.mark.parametrize("name", FAULTS)
def test_bad_form_is_a_warning_that_names_the_question(warnings, name):
    (said,) = [line for line in warnings if f"{page_of(name)}.md:" in line]
    assert FAULTS[name][1] in said
    assert re.search(r"\.md:\d+: WARNING: question \d\. ", said)


def test_a_number_used_twice_is_a_warning(warnings):
    (said,) = [line for line in warnings if page_of("one number twice") in line]
    assert "question 1. number the questions 1, 2, 3 …; this one is the question **2.**" in said


def test_page_without_a_script_has_the_choices_and_the_answers_folded(quizzes):
    page = quizzes.page("book/quiz.html")
    assert re.findall(r'<div class="([^"]*)" id="(question-\d)">', page) == [
        ("dc-question dc-quiz docutils container", "question-1"),
        ("dc-question dc-quiz docutils container", "question-2"),
        ("dc-question docutils container", "question-3"),
    ]
    assert page.count("<details><summary>Answer</summary>") == page.count("</details>") == 3
    first = page.split('id="question-1"')[1].split('id="question-2"')[0]
    assert re.findall(r'<li class="dc-(\w+)"><p><strong>(.)\.', first) == [
        ("wrong", "a"),
        ("right", "b"),
        ("wrong", "c"),
    ]
    assert first.count('class="math') == 3
    assert first.count('href="bibliography.html#') == 2
    assert first.index("No reason is none") < first.index("</details>")


def test_script_is_loaded_only_where_there_are_questions(quizzes, built_book):
    assert 'defer="defer" src="../_static/quiz.js' in quizzes.page("book/quiz.html")
    assert "quiz.js" not in quizzes.page("book/index.html")
    assert "quiz.js" not in built_book.page("chapters/chapter.html")


def folder_of(small):
    return f"{(small.folder / '_build' / 'html').as_uri()}/"


def question(page, number):
    """Return a question, and a function that gives what is shown of it besides itself."""
    box = page.locator(f"#question-{number}")
    return box, lambda: (
        box.locator(".dc-remark:visible strong:first-child").all_inner_texts(),
        box.locator(".dc-outcome").inner_text(),
    )


def test_several_right_choices_are_boxes_to_tick(browser, quizzes):
    with opened(browser, folder_of(quizzes), "book/quiz.html", theme="light", width=1440) as (page, _):
        box, shown = question(page, 2)
        assert box.locator("legend").inner_text().endswith("Choose all that are right.")
        boxes, check = box.get_by_role("checkbox"), box.get_by_role("button", name="Check")
        assert boxes.count() == 3
        boxes.nth(1).check()
        check.click()
        assert shown() == (["Right."], "Right so far, but not all that is right.")
        boxes.nth(0).check()
        check.click()
        assert shown() == (["Not so.", "Right."], "Read why, and try again.")
        boxes.nth(0).uncheck()
        boxes.nth(2).check()
        check.click()
        assert shown() == (["Not so.", "Right.", "Right."], "These are all.")
        assert page.locator("#question-3 details").count() == 1


def test_a_question_by_keyboard_alone(browser, html):
    """Tab to the choices, an arrow to another, Space to take it, Enter to check, from the choice or from the button."""
    path = f"chapters/{CHAPTERS[0]}.html#question-1"
    with opened(browser, f"{html.as_uri()}/", path, theme="dark", width=PHONE) as (page, faults):
        _, shown = question(page, 1)
        press = page.keyboard.press
        focused = "document.activeElement.closest('li')?.querySelector('label').innerText[0]"
        assert shown() == ([], "")
        press("Tab")
        assert page.evaluate(focused) == "a"
        press("Enter")
        assert shown() == ([], "Choose an answer first.")
        press("Space")
        assert shown() == ([], "")
        press("Tab")
        assert page.evaluate("document.activeElement.innerText") == "Check"
        press("Enter")
        assert shown() == (["Not so."], "Read why, and try again.")
        while page.evaluate("document.activeElement.tagName") != "INPUT":  # on the way lie links in what was said
            press("Shift+Tab")
        for letter in "bc":
            press("ArrowDown")
            assert page.evaluate(focused) == letter
        press("Enter")
        assert shown() == (["Not so.", "Right."], "")
        signs = "remarks => remarks.map((remark) => getComputedStyle(remark, '::before').content[1])"
        assert page.locator("#question-1 .dc-remark:visible").evaluate_all(signs) == ["✗", "✓"]
        assert not faults


def verdicts(chapter):
    """Return what a chapter's source says of each choice: by question, its letters and verdicts."""
    cells = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    source = "".join(next(cell["source"] for cell in cells if "## Check your" in "".join(cell["source"])))
    asked = re.split(r"(?m)^\*\*\d+\.\*\* ", source.split("## Further reading")[0])[1:]
    keyed = (re.findall(r"(?m)^- \*\*(.)\. (Right\.|Not so\.)\*\*", text) for text in asked)
    return [[list(key) for key in keys] for keys in keyed if keys]


# Takes each choice of each question by itself, and returns what was shown for it.
TAKE_ALL = """
async () => {
  await window.MathJax?.startup?.promise;
  return [...document.querySelectorAll(".dc-quiz form")].map((form) =>
    [...form.querySelectorAll("li")].map((choice) => {
      form.querySelectorAll("input").forEach((input) => (input.checked = false));
      choice.querySelector("input").click();
      form.querySelector("button").click();
      const remark = choice.querySelector(".dc-remark");
      return {
        key: [choice.innerText[0], remark.querySelector("strong").innerText],
        shown: remark.checkVisibility(),
        right: remark.classList.contains("dc-right"),
        words: remark.innerText,
        outcome: form.querySelector(".dc-outcome").innerText,
      };
    }),
  );
}
"""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_choice_of_a_chapter_has_its_answer(browser, site, chapter):
    with opened(browser, site, f"chapters/{chapter}.html", theme="dark", width=PHONE) as (page, faults):
        taken = page.evaluate(TAKE_ALL)
        assert [[choice["key"] for choice in choices] for choices in taken] == verdicts(chapter)
        for choices in taken:
            assert all(choice["shown"] and len(choice["words"]) > 40 for choice in choices)
            for choice in choices:
                assert choice["right"] == (choice["key"][1] == "Right.") != choice["outcome"].startswith("Read why")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert not faults


def test_without_a_script_the_answers_are_folded_and_on_paper_open(browser, html):
    path, base = f"chapters/{CHAPTERS[0]}.html", f"{html.as_uri()}/"
    with opened(browser, base, path, theme="light", width=1440, script=False) as (page, _):
        box = page.locator("#question-1")

        def seen():
            return box.locator(".dc-right").evaluate("item => item.checkVisibility({contentVisibilityAuto: true})")

        assert box.locator(".dc-choices li").count() == 3
        assert not box.locator("input, button").count()
        assert not seen()
        page.emulate_media(media="print")
        assert seen()
        page.emulate_media(media="screen")
        box.locator("summary").click()
        assert seen()


def test_on_paper_all_is_said(browser, quizzes):
    with opened(browser, folder_of(quizzes), "book/quiz.html", theme="light", width=1440) as (page, _):
        page.emulate_media(media="print")
        box, shown = question(page, 1)
        assert shown()[0] == ["Not so.", "Right.", "Not so."]
        assert not box.locator("input:visible, button:visible").count()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_answered_questions_are_accessible(browser, quizzes, theme):
    with opened(browser, folder_of(quizzes), "book/quiz.html", theme=theme, width=PHONE) as (page, _):
        page.evaluate(TAKE_ALL)
        page.locator("#question-3 summary").click()
        assert not axe_findings(page, within="#check-your-understanding")
