"""Legends: what they are made of, their files, and what is refused."""

import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ktextures as kt
from ktextures.classes.legend_files import MAX_BYTES
from ktextures.errors import InputError
from ktextures.palette import class_colors
from ktextures.results.sidecars import qgis_style

NLCD = kt.Legend(
    ["open water", "Laubwald, dicht", 'say "hi"'],
    ["#466b9f", "#68ab5f", "#1c5f2c"],
    [11, 41, 42],
)

names = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(' ,;"'), min_size=1
).filter(lambda text: text.strip() and text.isprintable())
colors = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@st.composite
def legends(draw):
    chosen = draw(st.lists(names, min_size=1, max_size=6, unique_by=str.strip))
    count = len(chosen)
    codes = st.lists(st.integers(1, 65535), min_size=count, max_size=count, unique=True)
    each = st.lists(colors, min_size=count, max_size=count)
    return kt.Legend(chosen, draw(each), draw(codes))


def written(folder, content, name="legend.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- values ----------------------------------------------------------------------


def test_a_legend_is_a_frozen_value():
    legend = kt.Legend(["forest", " water "], ["Green", "#00F"], [41, 11])

    assert legend.names == ("forest", "water")
    assert legend.colors == ("#008000", "#0000ff")
    assert legend.codes == (41, 11)
    assert legend.code("water") == 11
    assert legend == kt.Legend(("forest", "water"), ("green", "blue"), (41, 11))
    assert hash(legend) == hash(kt.Legend.read(legend))
    with pytest.raises(FrozenInstanceError):
        legend.names = ("other",)


def test_colors_and_codes_are_chosen_where_none_are_given():
    legend = kt.Legend(["a", "b", "c"])

    assert legend.codes == (1, 2, 3)
    assert legend.colors == tuple(class_colors(3))
    assert len(kt.Legend([f"entry {n}" for n in range(1024)]).colors) == 1024


def test_mappings_of_colors_of_codes_and_of_both():
    assert kt.Legend.from_dict({"forest": "#0a0", "water": "blue"}) == kt.Legend(
        ["forest", "water"], ["#00aa00", "#0000ff"]
    )
    assert kt.Legend.from_dict({"forest": 41, "water": 11}).codes == (41, 11)
    full = {"forest": {"color": "teal", "code": 41}, "water": {"code": 11}}
    legend = kt.Legend.from_dict(full)
    assert legend.codes == (41, 11)
    assert legend.colors == ("#008080", class_colors(1)[0])
    assert kt.Legend.read(full) == legend


def test_classes_named_like_the_fields_are_classes():
    legend = kt.Legend.from_dict({"names": "red", "colors": "blue", "codes": "teal"})
    assert legend.names == ("names", "colors", "codes")


@given(legends())
def test_dict_round_trip_survives_json(legend):
    assert kt.Legend.from_dict(json.loads(json.dumps(legend.to_dict()))) == legend


def test_a_class_table_is_a_legend_of_its_classes():
    table = kt.ClassTable.default(2).rename(2, "forest")

    assert kt.Legend.read(table) == kt.Legend(["class 1", "forest"], table.colors)


def test_attributes_hold_codes_and_names_in_full():
    assert NLCD.attrs()["flag_values"] == [11, 41, 42]
    assert kt.Legend.from_attrs(NLCD.attrs()) == NLCD
    assert kt.Legend.from_attrs(
        {"flag_values": "[0, 11, 41]", "flag_meanings": "unknown water forest"}
    ) == kt.Legend(["water", "forest"], codes=[11, 41])
    with pytest.raises(InputError, match=r"flag_values are \[1\] for 2 class names"):
        kt.Legend.from_attrs({"flag_values": [1], "flag_meanings": "water forest"})


def test_notebooks_show_colors_and_escape_names():
    page = kt.Legend(["<b>", "water"], ["#010203", "blue"], [7, 9])._repr_html_()

    assert "background: #010203" in page
    assert "&lt;b&gt;" in page
    assert '<td style="text-align: right">9</td>' in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "a legend has 1 to 1024 entries, got 0"),
        (([str(n) for n in range(1025)],), "entries, got 1025"),
        (("ab",), "names of the legend is 'ab': give a list"),
        ((["a", "b", "a"],), "the name 'a' 2 times: give every entry a name"),
        ((["a", "a "],), "the name 'a' 2 times"),
        ((["a", "b"], (), [4, 4]), "the code 4 2 times: give every entry a code"),
        ((["a"], (), [0]), r"0 is not a legend code \(0 means nodata\): give whole"),
        ((["a"], (), [65536]), "65536 is not a legend code: give whole numbers from 1"),
        ((["a"], (), [-1]), "-1 is not a legend code"),
        ((["a"], (), [1.5]), "1.5 is not a legend code"),
        ((["a"], (), [True]), "True is not a legend code"),
        ((["a"], ["blau"]), "'blau' is not a color"),
        ((["a", "b"], ["blue"]), "2 names but 1 colors: give one of each"),
        ((["a", "b"], (), [1]), "2 names but 1 codes: give one of each"),
        (([""],), "'' is not a class name"),
    ],
)
def test_entries_that_cannot_be_used(arguments, message):
    with pytest.raises(InputError, match=message):
        kt.Legend(*arguments)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "a legend has 1 to 1024 entries, got 0"),
        ({"a": 41, "b": "red"}, "'b' has no code in the mapping, but others have"),
        ({"a": 1.5}, "the entry of 'a' is 1.5: give a color, a code, or"),
        ({"a": {"colour": "red"}}, "the entry of 'a' is .*: give a color, a code"),
        ({3: "red"}, "3 is not a class name"),
        (7, "the legend is 7: give a Legend, a ClassTable, a mapping"),
        (None, "the legend is None: give a Legend"),
    ],
)
def test_sources_that_are_no_legend(source, message):
    with pytest.raises(InputError, match=message):
        kt.Legend.read(source)


def test_unknown_names_are_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"no 'sand': give one of its names, 'open w"):
        NLCD.code("sand")


# --- CSV -------------------------------------------------------------------------


@given(legends())
def test_csv_round_trip(tmp_path_factory, legend):
    path = tmp_path_factory.getbasetemp() / "round trip.csv"
    legend.save(path)

    assert kt.Legend.read(path) == legend
    assert kt.Legend.read(str(path)) == legend


@pytest.mark.parametrize(
    "text",
    [
        "name,color,code\nwater,#0000ff,11\nforest,green,41\n",
        "\ufeffName;Color;CODE\r\nwater;blue;11\r\n\r\nforest;green;41\r\n",
        " code \t colour \t label \n 11 \t blue \t water \n41.0\tgreen\tforest",
        'code,name,note,color\n11,"water",x,blue\n41,forest,,green\n',
    ],
)
def test_separators_order_and_case_of_columns_do_not_matter(tmp_path, text):
    expected = kt.Legend(["water", "forest"], ["blue", "green"], [11, 41])
    assert kt.Legend.read(written(tmp_path, text)) == expected


def test_columns_of_color_and_code_may_be_missing(tmp_path):
    assert kt.Legend.read(written(tmp_path, "name\nwater\nforest\n")) == kt.Legend(
        ["water", "forest"]
    )
    first = class_colors(1)[0]
    partly = kt.Legend.read(written(tmp_path, f"name,color\na,{first}\nb,\n"))
    assert partly.colors == tuple(class_colors(2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "begins with the line '': begin with the titles"),
        ("water,#0000ff\n", "begins with the line 'water, #0000ff': begin with the"),
        ("name,label\na,b\n", "begins with the line 'name, name': begin with the"),
        ("name,code\n", "has no entries: add one line for each"),
        ("name,code\na,x\n", "line 2 of .* has the code 'x': give a whole number"),
        ("name,code\na,1.5\n", "line 2 of .* has the code '1.5': give a whole"),
        ("name,code\na,inf\n", "line 2 of .* has the code 'inf': give a whole"),
        ("name,code\na,0\n", r"0 is not a legend code \(0 means nodata\)"),
        ("name,code\na,1\nb,\n", "'b' has no code in .*legend.csv', but others have"),
        ("name,code\na,1,2\n", "line 2 of .* has 3 cells for 2 columns: put names"),
        ("name,color\na,blau\n", "'blau' is not a color"),
        ('name\n"a\n', "line 2 of .* is damaged: .*; save it as CSV again"),
        ("name\na\na\n", "the name 'a' 2 times"),
        (b"name\n\xff\xfe\n", "is not UTF-8 text: save the table as CSV with UTF-8"),
        (b"n" * (MAX_BYTES + 1), "is larger than 1 MB: give a legend, a CSV or QML"),
    ],
)
def test_tables_that_are_no_legend(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        kt.Legend.read(written(tmp_path, content))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the legend .*: No such file"):
        kt.Legend.read(tmp_path / "no such.csv")
    with pytest.raises(InputError, match=r"cannot read the legend .*: Is a directory"):
        kt.Legend.read(tmp_path)


def test_a_legend_is_not_saved_under_the_name_of_a_style(tmp_path):
    with pytest.raises(InputError, match=r"legends are saved as CSV; use '.csv'"):
        NLCD.save(tmp_path / "legend.qml")


# --- QGIS ------------------------------------------------------------------------


def test_the_style_that_is_written_with_a_map_is_read(tmp_path):
    path = written(tmp_path, qgis_style(NLCD), "style.QML")

    assert kt.Legend.read(path) == NLCD


def test_a_style_may_have_nodata_and_entries_without_a_label(tmp_path):
    style = (
        "<qgis><pipe><rasterrenderer type='paletted'><colorPalette>"
        "<paletteEntry value='0' color='#000000' label='nodata' alpha='0'/>"
        "<paletteEntry value='11' color='#0000ff' label='' alpha='255'/>"
        "<paletteEntry value='41.0' color='#00ff00' label='wood' alpha='255'/>"
        "</colorPalette></rasterrenderer></pipe></qgis>"
    )
    assert kt.Legend.read(written(tmp_path, style, "a.qml")) == kt.Legend(
        ["code 11", "wood"], ["#0000ff", "#00ff00"], [11, 41]
    )


BOMB = (
    '<!DOCTYPE qgis [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<qgis><paletteEntry value="1" color="#000000" label="&b;"/></qgis>'
)
OUTSIDE = '<!DOCTYPE qgis [<!ENTITY a SYSTEM "file:///etc/passwd">]><qgis>&a;</qgis>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<qgis><pipe/></qgis>", "holds no palette but another kind of style: in QGIS"),
        ("<html/>", "holds no palette but <html>: in QGIS, choose the renderer"),
        ("<qgis><pipe>", "is damaged: no element found.*; save the style from QGIS"),
        ("name,code\na,1", "is damaged: syntax error"),
        ("", "is damaged: no element found"),
        (BOMB, "declares XML entities, which styles of QGIS do not"),
        (OUTSIDE, "declares XML entities, which styles of QGIS do not"),
        ('<qgis><paletteEntry label="a"/></qgis>', "line 1 of .* has the code ''"),
        ('<qgis><paletteEntry value="-3"/></qgis>', "-3 is not a legend code"),
        ('<qgis><paletteEntry value="0"/></qgis>', "a legend has 1 to 1024 entries"),
        (b"<qgis>" + b" " * MAX_BYTES, "is larger than 1 MB"),
    ],
)
def test_styles_that_are_no_legend(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        kt.Legend.read(written(tmp_path, content, "style.qml"))
