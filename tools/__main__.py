"""Run a command of the course: ``python -m tools book``.

This file keeps to what every Python can read, so that one that is too old says what is needed.
"""

import os
import sys

supported = ["3.13", "3.12", "3.11", "3.10"]

if "%d.%d" % sys.version_info[:2] not in supported:
    found = [
        name
        for name in ["python" + version for version in supported]
        if any(os.access(os.path.join(folder, name), os.X_OK) for folder in os.environ["PATH"].split(os.pathsep))
    ]
    sys.stderr.write(
        "This is Python %d.%d (%s); the course needs Python %s to %s.\n"
        % (sys.version_info[0], sys.version_info[1], sys.executable, supported[-1], supported[0])
    )
    if not found and os.name != "nt":
        sys.stderr.write("No such Python is on the PATH. Install one, for example 3.12.\n")
    name = found[0] if found else "python3.12"
    command = " ".join(sys.argv[1:]) or "book"
    if os.name == "nt":
        sys.stderr.write("Name another Python like this: py -3.12 -m tools %s\n" % command)
    else:
        sys.stderr.write(
            "Name another Python like this: make %s PYTHON=%s (or %s -m tools %s).\n"
            % (command.split()[0], name, name, command)
        )
    sys.exit(2)

from tools.commands import main

sys.exit(main(sys.argv[1:]))
