# A thin face of `python -m tools`, which does the same on every system and needs no make.
# Another Python: make book PYTHON=python3.12. Once .venv works, its own Python is kept.
PYTHON ?= $(shell .venv/bin/python -c "" 2>/dev/null && echo .venv/bin/python || echo python3)

COMMANDS := help book pdf test execute lab serve release grade formgrader test-grading bench lint lock

.DEFAULT_GOAL := help
.PHONY: $(COMMANDS)

execute: private ARGUMENTS = $(CHAPTERS)
release: private ARGUMENTS = $(ASSIGNMENT)
grade: private ARGUMENTS = $(ASSIGNMENT) $(if $(JOBS),--jobs $(JOBS)) $(if $(filter yes,$(WITHOUT_SANDBOX)),--without-sandbox)

$(COMMANDS):
	@$(PYTHON) -m tools $@ $(ARGUMENTS)
