"""Charts: what they draw, what they say, and what they do with odd numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest

from yolokit.report.charts import (
    Axis,
    Mark,
    Series,
    bar_chart,
    heat_map,
    histogram,
    line_chart,
    scatter_chart,
)
from yolokit.report.page import Chart

NAN = math.nan
NAMES = ["<RBC>", "WBC", "Platelets"]


def parse(chart: Chart) -> ET.Element:
    """Return a drawing, which is well-formed and has no number that is not finite."""
    assert "nan" not in chart.svg
    assert "inf" not in chart.svg
    return ET.fromstring(chart.svg)


def texts(chart: Chart) -> list[str]:
    return [each.text or "" for each in parse(chart).iter("text")]


def of_class(chart: Chart, name: str) -> list[ET.Element]:
    return [each for each in parse(chart).iter() if name in each.get("class", "").split()]


def series(*ys: float, name: str = "loss") -> Series:
    return Series(name, tuple(float(x) for x in range(1, len(ys) + 1)), ys)


def lines(*drawn: Series, marks: Sequence[Mark] = ()) -> Chart:
    return line_chart("Loss", drawn, x_label="epoch", y_label="loss", marks=marks)


def a_heat_map(size: int) -> Chart:
    matrix = [[90 if i == j else (i * j) % 7 for j in range(size)] for i in range(size)]
    names = [f"class {i}" for i in range(size)]
    return heat_map("Confusion", matrix, names, names, row_label="truth", column_label="found")


RATE = Axis("rate")


def a_scatter(*groups: Series, axis: Axis = RATE, best: Series | None = None) -> Chart:
    return scatter_chart("Score", groups, axis=axis, y_label="mAP", line=best)


ALL = {
    "points": a_scatter(series(0.1, 0.3, name="<done>"), Series("pruned", (1.5,), (0.2,))),
    "lines": lines(series(2, 1, 0.5), series(1, 2, 3, name="<other>")),
    "bars": bar_chart("Boxes", NAMES, [3, 2, 1], value_label="boxes"),
    "histogram": histogram("Sizes", [1, 2, 4], [3, 1], x_label="px", y_label="boxes"),
    "heat map": a_heat_map(3),
}


@pytest.mark.parametrize("kind", ALL)
def test_every_chart_is_a_picture_with_a_name_and_a_description(kind: str) -> None:
    chart = ALL[kind]
    drawing = parse(chart)
    assert drawing.get("role") == "img"
    assert drawing.findtext("title") == chart.title
    assert drawing.findtext("desc") == chart.summary
    assert chart.table is not None
    assert chart.table.rows
    assert all(len(row) == len(chart.table.columns) for row in chart.table.rows)


@pytest.mark.parametrize(
    "chart",
    [
        lines(),
        lines(series()),
        lines(series(NAN, NAN)),
        bar_chart("Boxes", [], [], value_label="boxes"),
        bar_chart("Boxes", ["a"], [NAN], value_label="boxes"),
        histogram("Sizes", [1, 2], [0], x_label="px", y_label="boxes"),
        heat_map("Confusion", [[0]], ["a"], ["a"], row_label="truth", column_label="found"),
        heat_map("Confusion", [], [], [], row_label="truth", column_label="found"),
    ],
)
def test_without_data_there_is_a_sentence_and_no_empty_box(chart: Chart) -> None:
    assert chart.svg == ""
    assert chart.summary.startswith("Nothing to draw")


def test_a_line_has_a_gap_where_a_value_is_missing() -> None:
    chart = lines(series(3, 2, NAN, 1, 0.5, NAN, 0.4))
    assert len(of_class(chart, "curve")) == 2
    assert len(of_class(chart, "point")) == 5, "the last point, alone, is seen as well"


def test_one_point_is_drawn_and_named() -> None:
    chart = lines(series(0.546))
    assert len(of_class(chart, "point")) == 1
    assert "1" in texts(chart)
    assert chart.summary == "loss: 0.546 at epoch 1, the only value."


@pytest.mark.parametrize("value", [0, 0.5, 1e-7, 3.4e6, -2e9])
def test_equal_values_are_a_line_between_other_ticks(value: float) -> None:
    chart = lines(series(value, value, value))
    assert "throughout" in chart.summary
    path = of_class(chart, "curve")[0].get("d", "")
    assert len({point.split()[1] for point in path[1:].split("L")}) == 1


def test_the_course_is_said() -> None:
    chart = lines(series(2, 1, 0.25, 0.5, name="train"))
    assert chart.summary == "train: from 2 to 0.5, lowest 0.25 at 3."


def test_lines_are_told_apart_by_more_than_colour() -> None:
    chart = lines(*(series(i, i + 1, name=f"line {i}") for i in range(6)))
    curves = of_class(chart, "curve")
    dashes = {each.get("class"): each.get("stroke-dasharray") for each in curves}
    assert len(set(dashes.values())) == 6
    assert {f"line {i}" for i in range(6)} <= set(texts(chart))


def test_of_very_many_lines_the_first_are_named() -> None:
    chart = lines(*(series(i, i + 1, name=f"line {i}") for i in range(80)))
    assert "72 more" in texts(chart)
    assert "line 8" not in texts(chart)
    assert len(of_class(chart, "rest")) == 72 + 1, "one in the legend"
    assert "77 more lines" in chart.summary


def test_marks_lie_where_they_belong() -> None:
    marks = [Mark(3, "best"), Mark(1, "start"), Mark(NAN, "never")]
    chart = lines(series(*range(5)), marks=marks)
    start, best = of_class(chart, "mark")
    assert float(start.get("x1", "")) < float(best.get("x1", ""))
    assert "never" not in texts(chart)


def test_a_long_line_has_a_table_that_can_be_read() -> None:
    chart = lines(series(*range(2000)))
    assert chart.table is not None
    assert len(chart.table.rows) == 500
    assert "each 4 values" in chart.table.caption


def test_bars_are_as_long_as_their_values() -> None:
    chart = bar_chart("Change", ["a", "b", "c"], [0.02, -0.04, 0], value_label="change")
    bars = of_class(chart, "bar")
    widths = [float(bar.get("width", "")) for bar in bars]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.02)
    assert ["below" in (bar.get("class") or "") for bar in bars] == [False, True, False]


def test_of_many_counts_the_rest_is_one_bar() -> None:
    names = [f"a class with a very long name {i}" for i in range(80)]
    chart = bar_chart("Boxes", names, list(range(80)), value_label="boxes")
    assert len(of_class(chart, "bar")) == 24
    assert "57 others" in texts(chart)
    assert f"{sum(range(57)):,}" in texts(chart)
    assert max(map(len, texts(chart))) <= 20
    assert chart.table is not None
    assert len(chart.table.rows) == 80


def test_of_many_scores_the_first_are_drawn_and_none_is_added() -> None:
    chart = bar_chart(
        "AP", [f"c{i}" for i in range(80)], [i / 80 for i in range(80)], value_label="AP50",
        add_up=False,
    )  # fmt: skip
    assert "c0" in texts(chart)
    assert not of_class(chart, "others")
    assert "57 more are in the table" in chart.summary


def test_a_threshold_in_a_histogram() -> None:
    edges = [1, 2, 4, 8, 16, 32]
    chart = histogram(
        "Sizes", edges, [0, 3, 4, 10, 3], x_label="px", y_label="boxes", mark=Mark(8, "8 px")
    )
    bars = of_class(chart, "bar")
    mark = float(of_class(chart, "mark")[0].get("x1", ""))
    assert float(bars[2].get("x", "")) < mark < float(bars[3].get("x", ""))
    assert chart.summary == "20 boxes; most (10) at 8 to 16. 7 (35%) below 8 px."


def test_whole_numbers_stand_below_their_bars() -> None:
    chart = histogram(
        "Objects", [0, 1, 2, 5], [5, 1, 2], x_label="objects", y_label="images", whole=True
    )
    assert texts(chart)[-4:] == ["0", "1", "2-4", "objects"]
    assert chart.summary.endswith("most (5) at 0.")


def test_a_histogram_needs_one_more_edge() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        histogram("Sizes", [1, 2], [1, 2], x_label="px", y_label="boxes")


def test_cells_are_shaded_by_their_share_of_the_row() -> None:
    chart = heat_map(
        "Confusion", [[3, 1], [0, 400]], ["a", "b"], ["a", "b"],
        row_label="truth", column_label="found",
    )  # fmt: skip
    shades = [float(cell.get("fill-opacity", "")) for cell in of_class(chart, "cell")]
    assert shades == [0.75, 0.25, 0, 1]
    assert "Largest off the diagonal: a as b: 1 (25%)." in chart.summary


def test_cells_can_be_parts_of_something_else() -> None:
    chart = heat_map(
        "Together", [[10, 5], [5, 50]], ["a", "b"], ["a", "b"],
        row_label="images with", column_label="also", wholes=[10, 50], joined="with",
    )  # fmt: skip
    shades = [float(cell.get("fill-opacity", "")) for cell in of_class(chart, "cell")]
    assert shades == [1, 0.5, 0.1, 1]
    assert "a with b: 5 (50%); b with a: 5 (10%)" in chart.summary


@pytest.mark.parametrize(
    ("size", "numbers", "names"),
    [(3, True, True), (10, True, True), (20, False, True), (80, False, False)],
)
def test_large_maps_have_no_numbers_but_list_their_confusions(
    size: int, numbers: bool, names: bool
) -> None:
    chart = a_heat_map(size)
    assert len(of_class(chart, "cell")) == size**2
    assert ("90" in texts(chart)) == numbers
    assert ("class 0" in texts(chart)) == names
    assert chart.table is not None
    assert (len(chart.table.columns) == size + 1) == names
    if not names:
        assert len(chart.table.rows) == 50
        assert chart.table.rows[0][2] == "6"


def test_text_of_data_is_escaped() -> None:
    for chart in ALL.values():
        assert "<RBC>" not in chart.svg
        assert "<other>" not in chart.svg
    assert "<RBC>" in texts(ALL["bars"])


def test_points_are_drawn_without_a_line_between_them() -> None:
    chart = a_scatter(series(0.1, 0.3, 0.2))
    assert len(of_class(chart, "point")) == 3
    assert not of_class(chart, "curve")
    assert chart.summary == "3 points; highest mAP 0.3 at rate 2."


def test_a_line_beside_the_points_has_a_name_and_no_marks_of_its_own() -> None:
    chart = a_scatter(series(0.1, 0.3, 0.2), best=series(0.1, 0.3, 0.3, name="best so far"))
    assert "best so far" in texts(chart)
    assert len(of_class(chart, "curve")) == 2, "one in the legend, one in the chart"


def test_equal_factors_are_equal_ways_on_a_logarithmic_axis() -> None:
    points = Series("", (1e-5, 1e-3, 1e-1), (0.1, 0.2, 0.3))
    chart = a_scatter(points, axis=Axis("rate", is_log=True))
    xs = [float(each.get("cx", "nan")) for each in of_class(chart, "point") if each.get("cx")]
    xs = sorted(xs)[-3:]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert {"1e-05", "0.001", "0.1"} <= set(texts(chart))


def test_values_close_together_have_two_numbers_below_them() -> None:
    chart = a_scatter(Series("", (2.1e-4, 2.3e-4), (0.1, 0.2)), axis=Axis("rate", is_log=True))
    below = [text for text in texts(chart) if text.startswith("0.0002")]
    assert len(below) == 2


def test_values_may_have_names() -> None:
    chart = a_scatter(
        Series("", (0, 1, 1), (0.1, 0.2, 0.3)), axis=Axis("optimizer", names=("SGD", "AdamW"))
    )
    assert {"SGD", "AdamW"} <= set(texts(chart))
    assert chart.summary.endswith("at optimizer AdamW.")


def test_a_group_without_points_keeps_its_colour_and_is_not_named() -> None:
    chart = a_scatter(Series("own", (), ()), series(0.1, 0.2, name="done"))
    assert "own" not in texts(chart)
    assert not of_class(chart, "s0")
    assert len(of_class(chart, "s1")) == 3, "two points, and one in the legend"


def test_no_point_at_all_is_said() -> None:
    assert a_scatter(Series("own", (), ())).summary == "Nothing to draw: there is no value of mAP."
