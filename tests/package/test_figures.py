"""The pictures show the numbers they are given, and no picture depends on colour alone."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D

import dnn_course as dc
from dnn_course import figures


@pytest.fixture(autouse=True)
def fresh_style():
    with mpl.rc_context():
        dc.use_style()
        yield
    plt.close("all")


@pytest.fixture
def curves():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"epoch": epoch, "layer": epoch, "seed": seed, "net": net, "loss": 1 + 0.1 * rng.random() + level / epoch}
        for level, net in enumerate(["plain", "deep"])
        for seed in range(4)
        for epoch in (1, 2, 3)
    )


def lines_by_label() -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in plt.gca().get_lines()}


def test_learning_curves_show_mean_and_interval(curves):
    figures.learning_curves(curves, y="loss", by="net")
    summary = dc.summarize(curves[curves["net"] == "deep"], by="epoch", value="loss")
    np.testing.assert_allclose(lines_by_label()["deep"].get_ydata(), summary["mean"])
    band = plt.gca().collections[1].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(summary["low"].min())
    assert band.max() == pytest.approx(summary["high"].max())


def test_learning_curves_label_axes_and_levels(curves):
    figures.learning_curves(curves, y="loss", by="net", levels={"chance": 1.5}, ylabel="loss (nats)")
    ax = plt.gca()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss (nats)")
    assert set(lines_by_label()["chance"].get_ydata()) == {1.5}
    assert ax.get_legend().get_title().get_text() == "net"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["plain", "deep", "chance"]


def test_whole_numbers_get_whole_ticks(curves):
    figures.learning_curves(curves[curves["epoch"] <= 2], y="loss", by="net")
    plt.gcf().canvas.draw()
    assert all(float(tick).is_integer() for tick in plt.gca().get_xticks())
    figures.learning_curves(curves.assign(rate=curves["epoch"] / 4), x="rate", y="loss", by="net")
    plt.gcf().canvas.draw()
    assert not all(float(tick).is_integer() for tick in plt.gca().get_xticks())


def test_one_seed_gets_no_band(curves):
    figures.learning_curves(curves[curves["seed"] == 0], y="loss", by="net")
    assert not plt.gca().collections


def test_signal_by_depth_is_a_geometric_mean(curves):
    figures.signal_by_depth(curves, value="loss", by="net")
    deep = curves[curves["net"] == "deep"]
    expected = np.exp(np.log(deep["loss"]).groupby(deep["layer"]).mean())
    np.testing.assert_allclose(lines_by_label()["deep"].get_ydata(), expected)
    assert plt.gca().get_yscale() == "log"


def test_signal_by_depth_draws_each_theory_and_names_it_once(curves):
    figures.signal_by_depth(curves, value="loss", by="net", theory={"plain": [1, 1, 1], "deep": [2, 1.5, 1.3, 1.2]})
    lengths = [len(line.get_xdata()) for line in plt.gca().get_lines()]
    assert sorted(lengths) == [3, 3, 3, 4]
    names = [text.get_text() for text in plt.gca().get_legend().get_texts()]
    assert names == ["plain", "deep", "theory"]


def test_signal_by_depth_refuses_what_a_log_scale_cannot_show(curves):
    curves.loc[0, "loss"] = 0.0
    with pytest.raises(ValueError, match="not positive"):
        figures.signal_by_depth(curves, value="loss", by="net")


def test_histograms_are_densities_on_common_axes():
    rng = np.random.default_rng(1)
    wide = {"hidden_1": rng.normal(size=20_000), "hidden_2": rng.normal(0, 0.3, size=(100, 50))}
    figures.layer_histograms({"start": wide, "end": wide}, xlabel="z")
    axes = [ax for ax in plt.gcf().axes if ax.get_lines()]
    assert [ax.get_title() for ax in axes] == ["start", "end"]
    assert axes[0].get_xlim() == axes[1].get_xlim()
    for line in axes[0].get_lines():
        x, density = line.get_xdata(), np.nan_to_num(line.get_ydata())
        assert np.sum(density) * (x[1] - x[0]) == pytest.approx(1, abs=0.02)
    peaks = [np.nanmax(line.get_ydata()) for line in axes[0].get_lines()]
    assert peaks[1] > 2.5 * peaks[0]
    legend = plt.gcf().legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["hidden 1", "hidden 2"]


@pytest.mark.parametrize(
    ("panels", "message"),
    [({}, "nothing to show"), ({"a": {}}, "nothing to show"), ({"a": {"b": [1.0, np.nan]}}, "finite")],
)
def test_histograms_refuse_nothing_and_nan(panels, message):
    with pytest.raises(ValueError, match=message):
        figures.layer_histograms(panels, xlabel="z")


def test_intervals_show_seeds_mean_and_theory(curves):
    figures.intervals(curves[curves["epoch"] == 1], value="loss", by="net", theory={"deep": 2.0})
    ax = plt.gca()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["plain", "deep"]
    means = [bar.lines[0].get_xdata()[0] for bar in ax.containers]
    expected = curves[curves["epoch"] == 1].groupby("net", sort=False)["loss"].mean()
    np.testing.assert_allclose(means, expected)
    ends = ax.containers[1].lines[2][0].get_segments()[0][:, 0]
    summary = dc.summarize(curves[curves["epoch"] == 1], by="net", value="loss").set_index("net")
    np.testing.assert_allclose(ends, summary.loc["deep", ["low", "high"]].astype(float))
    assert (lines_by_label()["theory"].get_xdata()[0], lines_by_label()["theory"].get_ydata()[0]) == (2.0, 1)
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first setting is at the top"


def test_a_missing_column_is_named_beside_those_there_are(curves):
    with pytest.raises(KeyError, match=r"no column accuracy.*epoch, layer, seed, net, loss"):
        figures.learning_curves(curves, y="accuracy", by="net")


@pytest.mark.parametrize("n_settings", [2, 6, 9])
def test_settings_differ_by_more_than_colour(n_settings):
    table = pd.DataFrame({"epoch": [1, 2] * n_settings, "seed": 0, "loss": 1.0})
    table["net"] = np.repeat(np.arange(n_settings), 2)
    figures.learning_curves(table, y="loss", by="net")
    lines = plt.gca().get_lines()
    assert len({mpl.colors.to_hex(line.get_color()) for line in lines}) == n_settings
    looks = {(line.get_marker(), repr(line._dash_pattern)) for line in lines}
    assert len(looks) == n_settings


def test_palette_stays_apart_without_colour_vision():
    # Machado, Oliveira and Fernandes (2009): what a person without green or without red cones sees.
    blind = {
        "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    }
    colors = np.array([mpl.colors.to_rgb(color) for color in figures.COLORS])
    for matrix in blind.values():
        seen = np.clip(colors @ np.transpose(matrix), 0, 1)
        distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + 9 * np.eye(len(colors))
        assert distance.min() > 0.1


def test_the_look_is_there_under_both_names():
    assert figures.COLORS is dc.style.COLORS


@pytest.fixture
def grid():
    return pd.DataFrame(
        {"rate": rate, "scale": scale, "net": net, "seed": seed, "accuracy": high * rate + scale / 100 + seed / 1000}
        for net, high in (("plain", 0.3), ("BN", 0.9))
        for rate in (0.1, 0.5, 1.0)
        for scale in (1, 4)
        for seed in range(3)
    )


def panels():
    return [ax for ax in plt.gcf().axes if ax.get_images() and ax.texts]


def numbers(ax):
    return {(text.get_position()[0], text.get_position()[1]): text.get_text() for text in ax.texts}


def test_heat_map_prints_the_mean_where_the_settings_say(grid):
    figures.heat_map(grid, value="accuracy", x="rate", y="scale", by="net", digits=2, limits=(0, 1))
    plain, normalized = panels()
    assert [ax.get_title() for ax in (plain, normalized)] == ["plain", "BN"]
    assert [label.get_text() for label in plain.get_xticklabels()] == ["0.1", "0.5", "1.0"]
    assert [label.get_text() for label in plain.get_yticklabels()] == ["1", "4"]
    assert numbers(plain)[(0, 0)] == "0.04"  # .03 + .01, and .001 over the seeds on average
    assert numbers(normalized)[(2, 1)] == "0.94"
    assert plain.get_ylim()[0] < plain.get_ylim()[1], "the first setting is at the bottom"
    assert (plt.gcf().get_supxlabel(), plt.gcf().get_supylabel()) == ("rate", "scale")


def test_heat_map_keeps_the_order_of_appearance():
    table = pd.DataFrame({"batch": ["all", "two", "ten"], "net": "BN", "seed": 0, "loss": [3.0, 1.0, 2.0]})
    figures.heat_map(table, value="loss", x="batch", y="net")
    (ax,) = panels()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["all", "two", "ten"]
    assert [numbers(ax)[(column, 0)] for column in range(3)] == ["3.0", "1.0", "2.0"]


def test_heat_map_colours_what_it_prints(grid):
    figures.heat_map(grid, value="accuracy", x="rate", y="scale", by="net", limits=(0, 1))
    first = [ax.get_images()[0].get_array().data.copy() for ax in panels()]
    plt.close("all")
    nudged = grid.assign(accuracy=grid["accuracy"] + 1e-3)
    figures.heat_map(nudged, value="accuracy", x="rate", y="scale", by="net", limits=(0, 1))
    np.testing.assert_array_equal(first, [ax.get_images()[0].get_array().data for ax in panels()])


def test_heat_map_panels_share_their_colours_and_say_what_they_are(grid):
    figures.heat_map(grid, value="accuracy", x="rate", y="scale", by="net", xlabel="learning rate", label="right")
    images = [ax.get_images()[0] for ax in panels()]
    assert {image.get_clim() for image in images} == {(0.0, 0.9)}
    bar = next(ax for ax in plt.gcf().axes if ax not in panels())
    assert (bar.get_ylabel(), plt.gcf().get_supxlabel()) == ("right", "learning rate")


@pytest.mark.parametrize(("n_panels", "side_by_side"), [(2, True), (4, False)])
def test_heat_map_stacks_panels_that_would_be_too_narrow(n_panels, side_by_side):
    table = pd.DataFrame({"x": [1, 2, 3] * n_panels, "y": 0, "seed": 0, "v": 1.0})
    table["net"] = np.repeat(np.arange(n_panels), 3)
    figures.heat_map(table, value="v", x="x", y="y", by="net", limits=(0, 1))
    first, second, *_ = panels()
    assert (first.get_subplotspec().rowspan == second.get_subplotspec().rowspan) == side_by_side


def test_heat_map_leaves_white_what_was_not_run(grid):
    holes = grid[(grid["rate"] < 1) | (grid["scale"] == 1)]
    figures.heat_map(holes, value="accuracy", x="rate", y="scale", by="net")
    for ax in panels():
        assert (2, 1) not in numbers(ax)
        assert len(ax.texts) == 5


def test_heat_map_prints_no_negative_zero():
    table = pd.DataFrame({"x": [1, 2], "y": 0, "seed": 0, "v": [-0.01, 1.0]})
    figures.heat_map(table, value="v", x="x", y="y")
    assert numbers(panels()[0])[(0, 0)] == "0.0"


def test_heat_map_numbers_stand_out_from_their_fields():
    table = pd.DataFrame({"x": range(21), "y": 0, "seed": 0, "v": np.linspace(0, 1, 21)})
    figures.heat_map(table, value="v", x="x", y="y", digits=2)
    (ax,) = panels()
    image = ax.get_images()[0]

    def luminance(color):
        channels = np.array(mpl.colors.to_rgb(color))
        return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [
            0.2126, 0.7152, 0.0722]  # fmt: skip

    for text in ax.texts:
        light, dark = sorted((luminance(image.to_rgba(float(text.get_text()))), luminance(text.get_color())))[::-1]
        assert (light + 0.05) / (dark + 0.05) > 4.5  # WCAG 2, level AA


def test_heat_map_names_a_missing_column(grid):
    with pytest.raises(KeyError, match=r"no column loss.*accuracy"):
        figures.heat_map(grid, value="loss", x="rate", y="scale")
