"""What a submission may use while it is graded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on one submission's run. Reaching one costs the cells that could not run, and nothing else."""

    cell_seconds: float = 90.0
    """Time of one cell. It is interrupted then; the rest of the notebook still runs."""
    total_seconds: float = 600.0
    """Time of all cells together. What has not run by then is not run."""
    memory_bytes: int = 4 * 10**9
    """Memory of each process, and of all of a submission's processes together."""
    processes: int = 256
    """Processes and threads. TensorFlow alone has some fifty threads on two cores, and more on more."""
    disk_bytes: int = 300 * 10**6
    """What may be written, to a scratch folder that is gone afterwards."""
    output_bytes: int = 10**6
    """What of a cell's output is kept. The rest is cut, and a note says so."""
    flood_bytes: int = 10**8
    """Output of a cell that ends its run."""


DEFAULT = Limits()
