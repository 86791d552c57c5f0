# A thin face of `python -m tools`, which does the same on every system and needs no make.
# Another Python: make book PYTHON=python3.12. Once .venv works, its own Python is kept.
PYTHON ?= $(shell .venv/bin/python -c "" 2>/dev/null && echo .venv/bin/python || echo python3)

.DEFAULT_GOAL := help
.PHONY: help book test execute lab serve bench lint lock

help book test execute lab serve bench lint lock:
	@$(PYTHON) -m tools $@ $(if $(filter execute,$@),$(CHAPTERS))
