"""MNIST as shipped, against the published files it was made from; what happens to a damaged copy."""

import hashlib
import struct
import time
import timeit

import numpy as np
import pytest

import dnn_course as dc
from dnn_course.data import MNIST_BYTES, MNIST_PATH, MNIST_SHA256

# MD5 of the four uncompressed files that LeCun, Cortes and Burges published.
PUBLISHED = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def idx_images(x):
    pixels = np.rint(x * 255).astype("uint8")
    return struct.pack(">4i", 2051, len(x), 28, 28) + pixels.tobytes()


def idx_labels(y):
    return struct.pack(">2i", 2049, len(y)) + y.astype("uint8").tobytes()


def test_what_is_loaded_makes_the_published_files_again(mnist):
    """From the floats that a reader gets, so that scaling, order, split and labels are all proved at once."""
    x, y = np.concatenate([mnist.x_val, mnist.x_train]), np.concatenate([mnist.y_val, mnist.y_train])
    rebuilt = [idx_images(x), idx_labels(y), idx_images(mnist.x_test), idx_labels(mnist.y_test)]
    assert [hashlib.md5(file).hexdigest() for file in rebuilt] == list(PUBLISHED.values())


def test_sizes_types_and_ranges(mnist):
    for (x, y), n in ((mnist.train, 55_000), (mnist.val, 5_000), (mnist.test, 10_000)):
        assert x.shape == (n, 784)
        assert y.shape == (n,)
        assert (x.dtype, y.dtype) == (np.float32, np.int32)
        assert (x.min(), x.max()) == (0, 1)
        assert (y.min(), y.max()) == (0, 9)
        assert x.flags.c_contiguous
    assert mnist.n_classes == 10
    assert mnist.y_val[:5].tolist() == [5, 0, 4, 1, 9]  # the first digits of the file, known to everybody
    assert mnist.y_train[:5].tolist() == [7, 3, 4, 6, 1]  # and of the old TensorFlow loader


def test_no_image_is_in_two_parts(mnist):
    """What is reported at the end must not have been learned, nor chosen by."""
    parts = [{image.tobytes() for image in x} for x in (mnist.x_train, mnist.x_val, mnist.x_test)]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_loads_in_under_0_7_seconds():
    """Processor time, best of three: what else the machine is doing does not count."""
    assert min(timeit.repeat(dc.load_mnist, timer=time.process_time, number=1, repeat=3)) < 0.7


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda raw: None, r"cannot be read \(No such file or directory\)"),
        (lambda raw: raw[:-1], "is truncated: it has 11,490,518 bytes"),
        (lambda raw: b"", "is truncated: it has 0 bytes"),
        (lambda raw: raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:], "was altered.* SHA-256 [0-9a-f]{64}"),
        (lambda raw: raw + b"!", "was altered: its 11,490,520 bytes"),
    ],
    ids=["missing", "truncated", "empty", "one bit altered", "longer"],
)
def test_a_damaged_file_is_named_with_what_was_expected_and_how_to_restore_it(damage, found, tmp_path):
    path = tmp_path / "mnist.npz"
    raw = damage(MNIST_PATH.read_bytes())
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(dc.DataError, match=found) as caught:
        dc.load_mnist(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert f"expected {MNIST_BYTES:,} bytes with SHA-256 {MNIST_SHA256}" in message
    assert "git checkout -- dnn_course/data/mnist.npz" in message
    assert "pip install --force-reinstall" in message


def test_licence_stands_beside_the_data():
    text = MNIST_PATH.with_name("LICENSE.md").read_text(encoding="utf-8")
    assert "LeCun" in text
    assert "BY-SA 3.0" in text


def test_digits_keeps_images_with_their_labels(mnist):
    subset = mnist.digits(3, 5)
    for part in ("train", "val", "test"):
        (x, y), (all_x, all_y) = getattr(subset, part), getattr(mnist, part)
        rows = np.flatnonzero(np.isin(all_y, [3, 4, 5]))
        np.testing.assert_array_equal(y + 3, all_y[rows])
        np.testing.assert_array_equal(x, all_x[rows])
        assert y.dtype == np.int32
    assert subset.n_classes == 3


@pytest.mark.parametrize("bounds", [(-1, 3), (5, 10), (4, 3)])
def test_digits_refuses_classes_that_are_not_there(bounds, mnist):
    with pytest.raises(ValueError, match=rf"digits\({bounds[0]}, {bounds[1]}\): classes go from 0 to 9"):
        mnist.digits(*bounds)


@pytest.mark.parametrize("part", ["train", "val"])
def test_sample_is_balanced_and_drawn_without_repeats(part, mnist):
    sample = mnist.sample(20, seed=1, part=part)
    x, y = getattr(sample, part)
    assert np.bincount(y).tolist() == [20] * 10
    assert y[:20].tolist() != sorted(y[:20].tolist())  # mixed, not class by class
    known = {image.tobytes(): label for image, label in zip(*getattr(mnist, part), strict=True)}
    assert len({image.tobytes() for image in x}) == 200
    assert [known[image.tobytes()] for image in x] == y.tolist()
    for other in {"train", "val", "test"} - {part}:
        assert getattr(sample, other)[0] is getattr(mnist, other)[0]


def test_sample_depends_on_its_seed(mnist):
    x = mnist.sample(5, seed=1).x_train
    np.testing.assert_array_equal(mnist.sample(5, seed=1).x_train, x)
    assert not np.array_equal(mnist.sample(5, seed=2).x_train, x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_class": 0}, "from 1 to 4987"),
        ({"per_class": 4988}, r"from 1 to 4987 \(class 5 of the train part has no more\), got 4988"),
        ({"per_class": 1, "part": "test"}, 'must be "train" or "val", got \'test\'; the test part stays whole'),
    ],
)
def test_sample_refuses(options, message, mnist):
    with pytest.raises(ValueError, match=message):
        mnist.sample(seed=0, **options)


def test_standardized_uses_one_scale_from_the_training_part(mnist):
    few = mnist.sample(50, seed=0)
    standard = few.standardized()
    mean, std = few.x_train.mean(dtype=np.float64), few.x_train.std(dtype=np.float64)
    for part in ("train", "val", "test"):
        x, y = getattr(standard, part)
        np.testing.assert_allclose(x, (getattr(few, part)[0] - mean) / std, atol=1e-5)
        assert x.dtype == np.float32
        assert y is getattr(few, part)[1]
    assert abs(standard.x_train.mean(dtype=np.float64)) < 1e-4
    assert standard.x_train.std(dtype=np.float64) == pytest.approx(1, abs=1e-4)
