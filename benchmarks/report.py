"""From measured seconds to ratios, decisions and the README's table. Nothing here takes time or touches a clock."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.contenders import BEGINNER, FLOOR, JAX, OURS, PYTORCH
from benchmarks.task import BY_ACTIVATION, MAIN

REFERENCE, ELU = "ReLU", "ELU"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MAX_DIFFERENCE = 0.03
MIN_ACCURACY = 0.5

Results = dict[str, Any]
Runs = list[dict[str, float]]


@dataclass(frozen=True)
class Ratio:
    """A ratio of seconds over the rounds: its median, lowest and highest value."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Target:
    """A decision: what was aimed at, what was measured (None: not measured), and whether that is met."""

    statement: str
    measured: float | None
    met: bool | None


def paired_ratio(runs: Runs, reference: Runs) -> Ratio:
    """Seconds of one contender over those of another, divided round by round.

    Both ran in the same round, moments apart, so a slow moment of the machine is in both.

    Raises:
        ValueError: if one of them has more rounds, or there are none.
    """
    if not runs or len(runs) != len(reference):
        raise ValueError(f"ratios are paired by round, but there are {len(runs)} and {len(reference)} rounds")
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(runs, reference, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


def targets(results: Results) -> list[Target]:
    """What the course promises of its speed, decided on the main task and the grid."""
    rounds = results["tasks"][MAIN.name]

    def times(slow: str, fast: str) -> float | None:
        both = slow in rounds and fast in rounds
        return paired_ratio(rounds[slow]["rounds"], rounds[fast]["rounds"]).median if both else None

    def decide(statement: str, measured: float | None, *, above: float = 0, below: float = float("inf")) -> Target:
        return Target(statement, measured, None if measured is None else above <= measured <= below)

    return [
        decide(f"{OURS} at least 3.5 times faster than {BEGINNER}", times(BEGINNER, OURS), above=3.5),
        decide(f"{OURS} at least 1.8 times faster than {PYTORCH}", times(PYTORCH, OURS), above=1.8),
        decide(f"{OURS} no slower than {JAX}: at least 1 time as fast", times(JAX, OURS), above=1),
        decide(f"{OURS} at most 1.7 times the {FLOOR}", times(OURS, FLOOR), below=1.7),
        decide("a grid of 5 seeds × 4 learning rates compiles once", results["grid"]["compilations"], below=1),
        decide("an epoch with ELU at most twice one with ReLU", _over_relu(results, ELU).median, below=2),
    ]


def _over_relu(results: Results, name: str) -> Ratio:
    rounds = results["activations"]["rounds"]
    return paired_ratio(rounds[name], rounds[REFERENCE])


def unfair(results: Results) -> list[str]:
    """Contenders that did not learn, or not as much as ``dc.fit``: their seconds would mean nothing."""
    complaints = []
    for task, contenders in results["tasks"].items():
        for name, measured in contenders.items():
            for kind in ("accuracy", "val_accuracy"):
                if name == FLOOR:
                    continue
                here = median(run[kind] for run in measured["rounds"])
                ours = median(run[kind] for run in contenders[OURS]["rounds"])
                if not here >= MIN_ACCURACY:
                    complaints.append(f"{task}: {name} did not learn, {kind} {here:.3f}")
                elif not abs(here - ours) <= MAX_DIFFERENCE:
                    complaints.append(f"{task}: {name} learnt something else, {kind} {here:.3f}, {OURS} {ours:.3f}")
    return complaints


def tables(results: Results) -> str:
    """All that was measured, in Markdown."""
    parts = [_machine(results)]
    for task, contenders in results["tasks"].items():
        rows = [_row(name, contenders) for name in contenders]
        rows += [[name, "not installed", "", "", "", ""] for name in results["missing"]]
        header = [task, "seconds", f"× {OURS}", "lowest – highest", "first epoch, s", "accuracy"]
        parts.append(_markdown(header, rows))
    grid = results["grid"]
    first, *others = grid["seconds"]
    parts.append(
        f"Grid of 5 seeds × 4 learning rates: {grid['compilations']} compilation(s); the first run took {first:.1f} s, "
        f"the {len(others)} others {median(others):.2f} s each (median)."
    )
    parts += _activations(results)
    parts.append(_markdown(["target", "measured", ""], [_target_row(target) for target in targets(results)]))
    return "\n\n".join(parts)


def rewrite(page: str, between: str) -> str:
    """Replace what stands between the markers of a page.

    Raises:
        ValueError: if the page does not have each marker once, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(f"the page needs {BEGIN} and then {END}, once each")
    return f"{before}{BEGIN}\n\n{between}\n\n{END}{after}"


def _machine(results: Results) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    rounds = [
        run
        for contenders in results["tasks"].values()
        for measured in contenders.values()
        for run in measured["rounds"]
    ]
    others = median(run["others_percent"] for run in rounds)
    return (
        f"{results['date']}, {results['rounds']} rounds, {machine['threads']} threads. {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gb']:.0f} GB, {machine['system']}. {versions}. "
        f"Just before the runs other programs used {others:.0f} % of the processors (median)."
    )


def _row(name: str, contenders: dict[str, Any]) -> list[str]:
    rounds = contenders[name]["rounds"]
    ratio = paired_ratio(rounds, contenders[OURS]["rounds"])
    learns = "val_accuracy" in rounds[0]
    return [
        name,
        f"{median(run['seconds'] for run in rounds):.2f}",
        f"{ratio.median:.2f}",
        f"{ratio.low:.2f} – {ratio.high:.2f}",
        f"{contenders[name]['first_epoch_seconds']:.1f}",
        f"{median(run['val_accuracy'] for run in rounds):.3f}" if learns else "",
    ]


def _activations(results: Results) -> list[str]:
    measured = results["activations"]
    rows = []
    for name, runs in measured["rounds"].items():
        ratio = _over_relu(results, name)
        seconds = median(run["seconds"] for run in runs)
        rows.append([name, f"{seconds:.2f}", f"{ratio.median:.2f}", f"{ratio.low:.2f} – {ratio.high:.2f}"])
    others = median(run["others_percent"] for runs in measured["rounds"].values() for run in runs)
    said = (
        f"An epoch of `dc.fit` by activation, {measured['date']}, {len(measured['rounds'][REFERENCE])} rounds; "
        f"other programs used {others:.0f} % of the processors (median)."
    )
    return [
        said,
        _markdown([f"{BY_ACTIVATION.name}, no normalization", "seconds", f"× {REFERENCE}", "lowest – highest"], rows),
    ]


def _target_row(target: Target) -> list[str]:
    measured = "" if target.measured is None else f"{target.measured:.2f}"
    return [target.statement, measured, {True: "met", False: "missed", None: "not measured"}[target.met]]


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table that reads well in a terminal too."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return " | ".join(["| " + first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"

    rule = "|".join(["|" + "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(header), rule, *map(line, rows)])
