"""Hostile submissions: what each earns, what the grader says of it, and that nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from grading import assignment, execution, sandbox, submission
from grading.limits import Limits
from tests.exercises.synthetic import FULL, NONE, RIGHT, SHORT, answered, cell, marks, printed, source
from tools import notebook as stored
from tools.environment import ROOT

pytestmark = pytest.mark.usefixtures("sandboxed", "nothing_left")

TEMPLATE = assignment.grading_template(source())
SLOT = 100 + os.getpid() % 800  # whose user has no other processes
LATER = {"test_double": 0, "test_total": 8}
STARTS_A_CHILD = "import subprocess\nsubprocess.Popen(['sleep', '987.125'], start_new_session=True)\n"


@dataclass
class Graded:
    marks: dict[str, float]
    remarks: str
    notebook: NotebookNode
    seconds: float

    def printed(self, name: str) -> str:
        return printed(self.notebook, name)


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "GRACE_SECONDS", 1.0)


@pytest.fixture(autouse=True)
def no_stray_process() -> Iterator[None]:
    """Confirm that nothing of the sandbox lives on anywhere, whoever its parent is by now."""
    yield
    deadline = time.monotonic() + 3
    while (stray := strays()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stray == []


def strays() -> list[str]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == 61_000 + SLOT or "987.125" in process.cmdline():
                found.append(str(process))
    return found


def graded(double: str = RIGHT["double"], *, total: str = RIGHT["total"], limits: Limits = SHORT) -> Graded:
    """Run the assignment with these two answers, as the grader does."""
    submitted = answered(double=double, total=total)
    notebook, _ = submission.merge(TEMPLATE, submitted)
    ran = execution.run(notebook, limits, slot=SLOT)
    assert ran.started
    return Graded(marks(ran.notebook), "; ".join(ran.remarks), ran.notebook, ran.seconds)


def then(hostile: str) -> str:
    """A right answer, and then something else in its cell."""
    return f"{RIGHT['double']}\n\n{hostile}"


def within(hostile: str) -> str:
    """Something else whenever a test calls the answer, and then the right result."""
    lines = "\n".join(f"    {line}" for line in hostile.splitlines())
    return f"def double(x):\n{lines}\n    return 2 * x"


def test_an_honest_answer_earns_its_marks_without_a_remark():
    run = graded(then("print('hello')\ndouble(21)"))
    assert run.marks == FULL
    assert run.remarks == ""
    assert run.printed("double") == "hello\n\n\n\n\n42"


# Time


def test_an_endless_loop_is_interrupted_and_the_rest_counts():
    run = graded(then("while True:\n    pass"))
    assert run.marks == FULL
    assert run.remarks == "double: took longer than 2 s and was interrupted"
    assert "KeyboardInterrupt" in run.printed("double")


def test_an_endless_loop_in_a_test_costs_that_test():
    run = graded(within("while True:\n    pass"))
    assert run.marks == LATER
    assert run.remarks == "test_double: took longer than 2 s and was interrupted"


def test_a_loop_that_catches_every_exception_ends_the_run():
    forever = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    run = graded(then(STARTS_A_CHILD + forever))
    assert run.marks == NONE
    assert run.remarks == "double: took longer than 2 s and was interrupted in vain; nothing after it could run"
    assert "NotRun: double: took longer" in run.printed("test_total")


def test_all_cells_together_have_a_bound():
    run = graded(then("import time\ntime.sleep(9)"), limits=replace(SHORT, cell_seconds=30, total_seconds=4))
    assert run.marks["test_total"] == 0
    assert "all cells together took longer than 4 s" in run.remarks
    assert run.seconds < 15


def test_a_kernel_that_falls_silent_when_time_is_up_is_not_waited_for():
    # No time is left for the last cell, which must fail: without a bound of its own it would be waited for forever.
    late = (
        "import time\nfrom IPython import get_ipython\n"
        "def total(numbers):\n    if not numbers:\n"
        "        get_ipython().run_cell = lambda *a, **k: time.sleep(1000)\n"
        "        get_ipython().run_cell_async = lambda *a, **k: time.sleep(1000)\n"
        "        time.sleep(1000)\n    return sum(numbers)"
    )
    run = graded(total=late, limits=replace(SHORT, cell_seconds=30, total_seconds=4))
    assert run.marks["test_total"] == 0
    assert "test_total: took longer than" in run.remarks
    assert run.seconds < 25


# Processes and memory


def test_children_without_end_are_bounded_and_do_not_outlive_the_run():
    bomb = "import os, time\nwhile True:\n    if not os.fork():\n        time.sleep(987.125)"
    run = graded(then(bomb), limits=replace(SHORT, memory_bytes=10**10))
    assert run.marks == FULL
    assert "Resource temporarily unavailable" in run.printed("double")


def test_a_fork_bomb_harms_nobody_else():
    run = graded(then("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"))
    assert run.marks["test_double"] in (0, 4)
    assert run.seconds < 60
    assert graded().marks == FULL


def test_a_hundred_gigabytes_are_refused_and_the_rest_counts():
    run = graded(then("x = bytearray(100 * 10**9)"))
    assert run.marks == FULL
    assert "MemoryError" in run.printed("double")


def test_memory_taken_bit_by_bit_runs_out():
    hog = "kept = []\nwhile True:\n    kept.append(bytearray(10**7))"
    run = graded(then(hog), limits=replace(SHORT, cell_seconds=20))
    assert run.marks["test_double"] in (0, 4)
    assert "MemoryError" in run.printed("double") or "used more memory" in run.remarks


def test_shared_memory_counts_too_and_the_watch_cannot_be_blinded():
    # What stands in the folder of the sockets may vanish, or be a link to nowhere.
    link = "import glob, os\ntry:\n    os.symlink('/nowhere', glob.glob('/tmp/grading-*/sockets')[0] + '/x')\n"
    link += "except OSError:\n    pass\n"
    hog = "import mmap\nm = mmap.mmap(-1, 3 * 10**9)\nfor i in range(0, len(m), 4096):\n    m[i] = 1"
    run = graded(then(link + hog), limits=replace(SHORT, cell_seconds=20))
    assert run.marks == NONE
    assert run.remarks == "double: used more memory than the 600,000,000 that are allowed"


def test_memory_that_cannot_be_counted_cannot_be_had():
    attempts = (
        "import ctypes, os, subprocess\n"
        "try:\n    os.memfd_create('hidden')\nexcept OSError as error:\n    print(error)\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.shmget(0, ctypes.c_size_t(10**6), 0o1666), os.strerror(ctypes.get_errno()))\n"
        "print(libc.syscall(435, 0, 0), os.strerror(ctypes.get_errno()))\n"
        "print(subprocess.run(['unshare', '--user', '--map-root-user', '--mount', 'true']).returncode)"
    )
    run = graded(then(attempts))
    assert run.marks == FULL
    assert run.printed("double").split("\n")[:4] == [
        "[Errno 1] Operation not permitted",  # a file in memory
        "-1 Operation not permitted",  # a shared segment
        "-1 Function not implemented",  # clone3, of which it cannot be told what it asks for
        "1",  # a name space, with file systems of one's own
    ]


# The end of the kernel


def test_ending_the_kernel_costs_what_comes_after():
    run = graded(within("import os\nos._exit(0)"))
    assert run.marks == NONE
    assert run.remarks == "test_double: the kernel ended, and nothing after it could run"


def test_a_crash_of_the_interpreter_is_the_kernels_end():
    run = graded(total="import ctypes\nctypes.string_at(0)")
    assert run.marks == FULL | {"test_total": 0}
    assert run.remarks == "total: the kernel ended, and nothing after it could run"


def test_sys_exit_is_an_error_like_others():
    run = graded(within("import sys\nsys.exit(0)"))
    assert run.marks == LATER
    assert run.remarks == ""
    assert "SystemExit" in run.printed("test_double")


# Output


def test_a_gigabyte_of_output_does_not_reach_the_gradebook():
    run = graded(then("for _ in range(1000):\n    print('x' * 10**6)"), limits=replace(SHORT, cell_seconds=20))
    # What is too much for a message, or what the grader is too slow to read, is lost on the way.
    assert "double: put out more than 5 MB" in run.remarks or "drowned" in run.remarks or run.marks == FULL
    assert len(run.printed("double")) < 2 * SHORT.output_bytes


def test_one_message_of_seventy_megabytes_does_not_reach_the_grader():
    run = graded(then("print('x' * 7 * 10**7)"), limits=replace(SHORT, cell_seconds=20, memory_bytes=2 * 10**9))
    assert len(run.printed("double")) < 2 * SHORT.output_bytes
    assert run.seconds < 40


def test_endless_printing_is_cut_and_stopped():
    run = graded(then("while True:\n    print('again')"))
    assert "double: output cut" in run.remarks
    assert "put out more than 5 MB" in run.remarks or "took longer than" in run.remarks
    assert "[output cut after 0 MB]" in run.printed("double")
    assert len(run.printed("double")) < 3 * SHORT.output_bytes


def test_endless_errors_and_huge_ones_are_cut():
    flood = "for _ in range(300):\n    get_ipython().showtraceback((ValueError, ValueError('x' * 3000), None))\n"
    run = graded(
        then(flood + "raise ValueError('y' * 10**6)"), total=f"{RIGHT['total']}\nraise ValueError('y' * 10**6)"
    )
    assert run.marks == FULL
    assert len(run.printed("double")) < 5 * SHORT.output_bytes
    assert run.printed("total").count("y") <= 20_000


# Files


def test_what_it_can_see_cannot_be_deleted(tmp_path: Path):
    canary = Path(sys.prefix, f"canary-{os.getpid()}")
    canary.write_text("alive")
    outside = tmp_path / "outside"
    outside.touch()
    deletes = (
        f"import glob, os, shutil\nassert not os.path.exists({str(outside)!r}), 'no sandbox'\n"
        f"try:\n    os.remove({str(canary)!r})\nexcept OSError as error:\n    print(error)\n"
        "for folder in ['/tmp', '/dev/shm', *glob.glob('/tmp/grading-*')]:\n"
        "    shutil.rmtree(folder, ignore_errors=True)"
    )
    try:
        run = graded(then(deletes))
        assert canary.read_text() == "alive"
    finally:
        canary.unlink()
    assert "Read-only file system" in run.printed("double")
    assert run.marks == FULL


def test_the_disk_cannot_be_filled():
    fill = (
        "for folder in ('/tmp', '/dev/shm'):\n    try:\n        for n in range(50):\n"
        "            with open(f'{folder}/{n}', 'wb') as file:\n                file.write(bytes(10**6))\n"
        "    except OSError as error:\n        print(n, error)"
    )
    run = graded(then(fill))
    assert run.marks == FULL
    lines = run.printed("double").strip().splitlines()
    assert [15 <= int(line.split()[0]) <= 20 and "No space left" in line for line in lines] == [True, True]


def test_the_folder_of_the_sockets_cannot_be_filled():
    fill = (
        "import glob, os\nfolder = glob.glob('/tmp/grading-*/sockets')[0]\n"
        "try:\n    os.mkdir(folder + '/sub')\n    for n in range(50):\n"
        "        with open(f'{folder}/sub/{n}', 'wb') as file:\n            file.write(bytes(10**6))\n"
        "    import time\n    time.sleep(2)\nexcept OSError as error:\n    print(error)"
    )
    run = graded(then(fill))
    if os.getuid() == 0:
        assert "Permission denied" in run.printed("double")
        assert run.marks == FULL
    else:
        assert "used more disk" in run.remarks


@pytest.fixture(scope="module")
def listening() -> Iterator[tuple[int, str]]:
    """The grader's machine has a service on a port, and one on an abstract socket."""
    name = f"grading-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{name}")
        local.listen()
        yield server.getsockname()[1], name


@pytest.fixture(scope="module")
def seen(sandboxed: None, listening: tuple[int, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a submission came to see of the machine: the output of each attempt, all in one run."""
    course = tmp_path_factory.mktemp("course")
    others = course / "submitted" / "ada" / "42_sums" / "42_sums.ipynb"
    others.parent.mkdir(parents=True)
    for path in (others, course / "gradebook.db"):
        path.write_text("a secret")
    files: dict[str, list[object]] = {
        "the system": ["/etc/passwd", "/etc/shadow", "/etc/hostname", str(Path.home() / ".ssh"), "/var", "/home"],
        "the gradebook": [course / "gradebook.db", ROOT / "exercises" / "gradebook.db", ROOT / "exercises"],
        "others": [others, ROOT / "exercises" / "submitted"],
        "the source": [ROOT / "exercises" / "source", ROOT / "tests", ROOT / "grading" / "grade.py", ROOT / ".git"],
        "processes": ["/proc/1/root/etc/passwd", "/proc/1/environ", "/proc/1/mem"],
    }
    opens = "for path in {}:\n    try:\n        print(os.listdir(path) if os.path.isdir(path) else open(path).read())\n"
    attempts = {
        what: opens.format([str(path) for path in paths]) + "    except OSError as error:\n        print('no', end=' ')"
        for what, paths in files.items()
    }
    port, name = listening
    connects = "for kind, address in {}:\n    with socket.socket(kind) as s:\n        s.settimeout(2)\n"
    connects += "        try:\n            s.connect(address)\n            print('connected')\n"
    connects += "        except OSError:\n            print('no', end=' ')"
    addresses = [(2, ("127.0.0.1", port)), (2, ("192.0.2.1", 80)), (2, ("1.1.1.1", 53)), (1, f"\0{name}")]
    attempts["the network"] = connects.format(addresses)
    walk = (
        "found = []\nfor top, folders, names in os.walk('/'):\n"
        "    folders[:] = [each for each in folders if (top, each) != ('/', 'proc')]\n"
        "    found += [p for p in [top, *(os.path.join(top, n) for n in names)] if os.access(p, os.W_OK)\n"
        "              and not os.path.islink(p)]\nprint(found)"
    )
    attempts["what can be written"] = walk
    attempts["other processes"] = "print([p for p in os.listdir('/proc') if p.isdigit()])"
    attempts["variables"] = "print(sorted(os.environ))"
    attempts["rights"] = "print(open('/proc/self/status').read())"
    cells = [new_code_cell("import os, socket"), *map(new_code_cell, attempts.values())]
    ran = execution.run(new_notebook(cells=cells), replace(SHORT, cell_seconds=60), slot=SLOT)
    assert ran.remarks == []
    texts = ["".join(str(each.get("text") or each) for each in code.outputs) for code in ran.notebook.cells[1:]]
    return dict(zip(attempts, texts, strict=True))


@pytest.mark.parametrize("what", ["the system", "the gradebook", "others", "the source", "processes", "the network"])
def test_it_cannot_reach(seen: dict[str, str], what: str):
    assert set(seen[what].split()) == {"no"}


def test_it_can_write_to_its_scratch_folders_alone(seen: dict[str, str]):
    writable = eval(seen["what can be written"])
    devices = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx"}
    own = {path for path in writable if not path.startswith(("/tmp", "/dev/shm", "/dev/pts"))}
    assert own <= devices


def test_it_sees_no_other_process_and_none_of_the_graders_variables(seen: dict[str, str]):
    assert len(eval(seen["other processes"])) <= 3
    assert not any(name.startswith(("PYTEST", "SSH", "USER")) for name in eval(seen["variables"]))


def test_it_has_no_rights(seen: dict[str, str]):
    status = dict(line.split(":\t", 1) for line in seen["rights"].splitlines() if ":\t" in line)
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"


# Cheating


def test_output_that_imitates_a_grader_earns_nothing():
    claims = (
        "import sys\nfrom IPython.display import display\n"
        "print('passed ' + '0' * 32)\nprint('passed', file=sys.stderr)\n"
        "get_ipython().displayhook(1e9)\ndisplay(4.0)\nreturn 0"
    )
    run = graded(within(claims))
    assert run.marks == LATER
    assert not any(each.output_type == "execute_result" for each in cell(run.notebook, "test_double").outputs)


def test_a_right_answer_may_print_numbers_and_warn():
    chats = "import sys\nget_ipython().displayhook(0.0)\nprint('careful', file=sys.stderr)"
    assert graded(within(chats)).marks == FULL


SHELL = "from IPython import get_ipython\nshell = get_ipython()\n"
STOPS_ASSERTIONS = """
import ast
class Gone(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
shell.ast_transformers.append(Gone())
"""
RUNS_NOTHING = """
from IPython.core.interactiveshell import ExecutionResult
async def nothing(*args, **kwargs):
    return ExecutionResult(None)
shell.run_cell_async = nothing
shell.run_cell = lambda *args, **kwargs: ExecutionResult(None)
"""
PRINTS_THE_LAST_LINE = """
run = shell.run_cell
async def last(source, *args, **kwargs):
    return run(source.splitlines()[-1] if 'assert' in source else source)
shell.run_cell_async = last
shell.run_cell = lambda source, *args, **kwargs: run(source.splitlines()[-1])
"""
SENDS_NO_ERROR = "shell._showtraceback = lambda *args: None\nshell.showtraceback = lambda *args, **kwargs: None\n"
EXCEPTION_OF_MINE = "shell.set_custom_exc((BaseException,), lambda *args, **kwargs: None)\n"


@pytest.mark.parametrize(
    "trick",
    [SENDS_NO_ERROR, EXCEPTION_OF_MINE, STOPS_ASSERTIONS, RUNS_NOTHING, PRINTS_THE_LAST_LINE],
    ids=["swallows errors", "handles errors", "removes assertions", "runs nothing", "runs the last line"],
)
def test_a_tampered_kernel_earns_nothing(trick: str):
    run = graded(f"{SHELL}{trick}\ndef double(x):\n    return 0")
    assert run.marks["test_double"] == 0
    assert run.marks["test_total"] in (0, 8)
    caught = "tampered" in run.remarks or "no test can be trusted" in run.remarks
    assert caught or "the test did not run to its end" in run.printed("test_double")
    if caught:
        assert run.marks == NONE


@pytest.mark.parametrize(
    "forged",
    [
        "send('stream', {})\nsend('stream', {'name': 'x', 'text': 5})\nsend('comm_open', {})",
        "send('error', {'ename': 1, 'evalue': None, 'traceback': 'x'})\nsend('clear_output', {'wait': {}})",
        "send('display_data', {'data': {'text/plain': 5}, 'metadata': 3})\nsend('display_data', {'data': []})",
        "send('execute_input', {'execution_count': 'many', 'code': 1})\nsend('nonsense', {'transient': 5})",
        "send('status', {})",
        "session.key = b'wrong'\nsend('stream', {'name': 'stdout', 'text': 'x'})",
    ],
)
def test_forged_messages_do_not_stop_the_grader(forged: str):
    setting = f"{SHELL}session, socket = shell.kernel.session, shell.kernel.iopub_socket\n"
    setting += "def send(*what):\n    session.send(socket, *what, parent=shell.kernel.get_parent())\n"
    run = graded(then(setting + forged))
    assert run.marks in (FULL, NONE, LATER)
    assert run.marks == FULL or run.remarks
    stored.parse(stored.serialize(run.notebook))


def test_what_would_run_in_a_browser_is_dropped():
    shows = (
        "from IPython.display import display, HTML, Javascript, SVG, update_display, Markdown\n"
        "display(HTML('<script>alert(1)</script>'), Javascript('alert(1)'), Markdown('<script>alert(1)</script>'))\n"
        "display({'application/javascript': 'alert(1)', 'text/plain': 'plain', 'image/svg+xml': '<svg/>'}, raw=True)\n"
        "display('early', display_id='late')"
    )
    changes = "\nupdate_display(HTML('<script>alert(1)</script>'), display_id='late')"
    run = graded(then(shows), total=RIGHT["total"] + changes)
    assert run.marks == FULL
    outputs = [output for each in run.notebook.cells for output in each.get("outputs", [])]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert kinds == {"text/plain"}
    assert "plain" in run.printed("double")
    assert "alert" not in str(outputs)


def test_a_display_of_a_test_cannot_be_changed_afterwards():
    shows = "from IPython.display import display\ndisplay('early', display_id='late')"
    changes = "\nfrom IPython.display import update_display\nupdate_display('later', display_id='late')"
    run = graded(within(shows), total=RIGHT["total"] + changes)
    assert (run.marks, run.remarks) == (FULL, "")


# Where there is none


def test_without_bubblewrap_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(sandbox.SandboxError, match=r"sudo apt install bubblewrap.*WITHOUT_SANDBOX=yes"):
        sandbox.confirm()


def test_a_bubblewrap_that_does_not_work_is_told_from_a_missing_one():
    with pytest.raises(sandbox.SandboxError, match="does not work here"):
        sandbox.confirm("false")


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_another_system_has_no_sandbox(monkeypatch: pytest.MonkeyPatch, system: str):
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(sandbox.SandboxError, match=f"for Linux alone, and this is {system}"):
        sandbox.confirm()


def test_a_kernel_that_does_not_start_is_no_fault_of_the_submission(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "command", lambda *args, **kwargs: ["false"])
    notebook, _ = submission.merge(TEMPLATE, answered())
    ran = execution.run(notebook, SHORT, slot=SLOT)
    assert not ran.started
    assert "the kernel did not start" in ran.remarks[0]
    assert marks(ran.notebook) == NONE


def test_stopping_ends_every_run_at_once():
    waits = submission.merge(TEMPLATE, answered(double=STARTS_A_CHILD + "import time\ntime.sleep(60)"))[0]
    limits = replace(SHORT, cell_seconds=90, total_seconds=90)
    thread = threading.Thread(target=execution.run, args=(waits, limits), kwargs={"slot": SLOT})
    thread.start()
    deadline = time.monotonic() + 30
    while not any("987.125" in each for each in strays()) and len(strays()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    execution.stop_all()
    thread.join(timeout=15)
    assert not thread.is_alive()
