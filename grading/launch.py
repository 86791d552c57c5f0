"""The first program inside the sandbox: it gives up what it does not need and becomes the kernel.

It runs as a script, with the standard library alone, before anything of the student's.
"""

import json
import os
import resource
import sys


def main() -> None:
    """Bound this process and its children, drop root's rights if it has them, and become an IPython kernel."""
    connection_file, bounds = sys.argv[1], json.loads(sys.argv[2])
    for name, value in bounds["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if os.getuid() == 0 and bounds["user"]:
        # Root is bound by no limit on processes and could undo every other.
        os.chown(connection_file, bounds["user"], bounds["user"])
        os.setgroups([])
        os.setresgid(bounds["user"], bounds["user"], bounds["user"])
        os.setresuid(bounds["user"], bounds["user"], bounds["user"])
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", connection_file, "--HistoryManager.enabled=False"]
    os.execv(sys.executable, kernel)


if __name__ == "__main__":
    main()
