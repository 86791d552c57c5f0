"""Plugins of the whole test session; pytest wants them named in the topmost conftest alone."""

pytest_plugins = ["tests.notebooks.plugin"]
