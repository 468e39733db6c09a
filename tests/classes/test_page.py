"""Tables for notebooks."""

from xml.etree import ElementTree

import pytest

from ktextures.classes.page import Swatch, html_table


def test_html_tables_hold_what_is_in_them():
    table = html_table(["", "n"], [["<i>", 3]])
    assert "&lt;i&gt;" in table
    assert table.count("<td") == 2


def test_colors_are_squares():
    root = ElementTree.fromstring(html_table(["color"], [[Swatch("#0072b2")]]))
    assert ["#0072b2" in each.get("style") for each in root.iter("div")] == [True]


@pytest.mark.parametrize(
    ("cells", "side"),
    [
        ([3, 4.5], "right"),
        (["0.880 ± 0.074", "\N{EN DASH}"], "right"),
        (["12k", "1,234 (5.0%)"], "right"),
        (["water", "12"], "left"),
        (["11 open water"], "left"),
        (["Ödland"], "left"),
        (["a"], "left"),
    ],
)
def test_text_is_on_the_left_and_numbers_on_the_right(cells, side):
    root = ElementTree.fromstring(html_table(["title"], [[cell] for cell in cells]))
    for each in (*root.iter("th"), *root.iter("td")):
        assert each.get("style") == f"text-align: {side}"
