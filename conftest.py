"""Plugins of the whole test session; pytest wants them named in the topmost conftest alone."""

import signal
import threading

pytest_plugins = ["tests.notebooks.plugin"]

# A session started in the background may be told to ignore Ctrl-C. Programs inherit that, and those that tests stop
# with Ctrl-C would go on for ever.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
