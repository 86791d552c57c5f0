"""Data that several tests read. None of it may be written to."""

import numpy as np
import pytest

import dnn_course as dc

N_FEATURES, N_CLASSES = 6, 3


@pytest.fixture(scope="session")
def mnist() -> dc.Dataset:
    return dc.load_mnist()


@pytest.fixture(scope="session")
def tiny() -> tuple[np.ndarray, np.ndarray]:
    """23 examples of 6 features and 3 classes: with batches of 8, the last one has 7."""
    rng = np.random.default_rng(42)
    return rng.normal(size=(23, N_FEATURES)).astype("float32"), rng.integers(0, N_CLASSES, 23).astype("int32")


@pytest.fixture(scope="session")
def tiny_validation() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(43)
    return rng.normal(size=(11, N_FEATURES)).astype("float32"), rng.integers(0, N_CLASSES, 11).astype("int32")
