"""What holds for every chapter: a rule is a function from the chapters to what is wrong with them.

Rules see the notebook as it is stored, not as nbformat mends it on reading.
"""

from tests.notebooks.lint import code, figures, prose, stored
from tests.notebooks.lint.chapter import Chapter, Finding, Rule, load

RULES: list[Rule] = [*stored.RULES, *figures.RULES, *prose.RULES, *code.RULES]

__all__ = ["RULES", "Chapter", "Finding", "Rule", "load"]
