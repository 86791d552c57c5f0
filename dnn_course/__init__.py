"""Helpers of the course *Training deep neural nets*. ``import dnn_course as dc``.

The notebook teaches; the package carries: data, loops, statistics, plots and bookkeeping live here, once.
"""

from dnn_course import runtime  # noqa: I001  (first: it makes TensorFlow quiet before anything imports it)
from dnn_course.runtime import set_seed
from dnn_course.data import DataError, Dataset, load_mnist
from dnn_course.models import compile_classifier, mlp, reuse
from dnn_course.training import fit
from dnn_course.signals import layer_signals

__all__ = [
    "DataError", "Dataset", "compile_classifier", "fit", "layer_signals", "load_mnist", "mlp", "reuse", "runtime", "set_seed",
]  # fmt: skip
