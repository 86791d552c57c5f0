"""Helpers of the course *Training deep neural nets*. ``import dnn_course as dc``.

The notebook teaches; the package carries: data, loops, statistics, plots and bookkeeping live here, once.
"""

from dnn_course import runtime  # noqa: I001  (first: it makes TensorFlow quiet before anything imports it)
from dnn_course import figures, mean_field, style, theory
from dnn_course.claims import ClaimError, check
from dnn_course.data import DataError, Dataset, load_mnist
from dnn_course.experiments import paired_difference, run_grid, summarize
from dnn_course.interactive import explore
from dnn_course.models import compile_classifier, largest_difference, mlp, reuse
from dnn_course.runtime import set_seed
from dnn_course.signals import LayerSignals, Signals, layer_signals
from dnn_course.style import use_style
from dnn_course.training import fit, history_table
from dnn_course.untrained import untrained_signals

__all__ = [
    "ClaimError",
    "DataError",
    "Dataset",
    "LayerSignals",
    "Signals",
    "check",
    "compile_classifier",
    "explore",
    "figures",
    "fit",
    "history_table",
    "largest_difference",
    "layer_signals",
    "load_mnist",
    "mean_field",
    "mlp",
    "paired_difference",
    "reuse",
    "run_grid",
    "runtime",
    "set_seed",
    "style",
    "summarize",
    "theory",
    "untrained_signals",
    "use_style",
]
