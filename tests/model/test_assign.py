"""Models whose classes are assigned to a legend, and what they pass on."""

import pytest

import ktextures as kt
from ktextures.errors import InputError, ModelFileError
from ktextures.files.archive import pack, read_archive
from ktextures.model.ktextures import from_bytes

LEGEND = kt.Legend(["forest", "water"], ["green", "blue"], [41, 11])


@pytest.fixture(scope="module")
def assigned(trained):
    return trained.assign({"forest": [1, 3]}, LEGEND)


def test_a_model_remembers_its_legend_and_the_given_one_stays(trained, assigned):
    assert assigned.legend == LEGEND
    assert assigned.assignment == {"forest": (1, 3)}
    assert assigned.k == trained.k == 3
    assert trained.legend is None
    assert trained.assignment == {}
    assert assigned.assign(None).to_bytes() == trained.to_bytes()


def test_it_survives_files_copies_and_new_names(assigned, tmp_path):
    assigned.save(tmp_path / "model.ktextures")
    table = kt.ClassTable(("a", "b", "c"), assigned.classes.colors)
    for made in (
        kt.load(tmp_path / "model.ktextures"),
        assigned.copy(),
        assigned.rename({1: "oak"}, colors={2: "red"}),
        assigned.with_classes(table),
    ):
        assert made.legend == LEGEND
        assert made.assignment == {"forest": (1, 3)}


def test_a_table_with_an_assignment_brings_it(assigned):
    table = assigned.classes.assign({"water": [2]})
    assert assigned.with_classes(table).assignment == {"water": (2,)}


def test_errors_name_the_class(trained, assigned):
    with pytest.raises(InputError, match="There is no class 4; the classes are 1 'cl"):
        trained.assign({"forest": [4]})
    with pytest.raises(InputError, match="the legend has no 'sand': give one of its"):
        assigned.assign({"sand": 1})


def test_damaged_files_are_refused(assigned, tmp_path):
    assigned.save(tmp_path / "model.ktextures")
    settings, arrays = read_archive(tmp_path / "model.ktextures", "model")
    for damage in ({"codes": [41, 0]}, {"codes": [99, 0, 0]}, {"legend": {}}, {"a": 1}):
        found = {**assigned.classes.assignment.to_dict(), **damage}
        classes = {**settings["classes"], "assignment": found}
        content = pack("model", {**settings, "classes": classes}, arrays)
        with pytest.raises(ModelFileError, match="it is damaged, or another version"):
            from_bytes(content)


def test_what_it_segments_can_be_had_in_codes(assigned, small):
    classes = kt.segment(small, assigned).classes

    table = kt.ClassTable.from_attrs(classes.attrs)
    assert table.assignment == assigned.classes.assignment
    by_class = kt.class_areas(classes)["pixels"]
    by_entry = kt.class_areas(classes, values="legend")
    assert by_entry["class"].tolist() == [41, 11, 43]
    assert by_entry["pixels"].tolist() == [by_class[0] + by_class[2], 0, by_class[1]]


def test_a_reference_assigns_the_classes_of_a_model(trained, small):
    classes = kt.segment(small, trained).classes
    codes = kt.to_legend(classes, trained.classes.assign({"forest": [2]}, LEGEND))

    found = kt.assign_by(classes, codes)
    model = trained.assign(found)

    assert model.legend == found.legend
    assert model.assignment["forest"] == (2,)


def test_split_merge_and_another_k_keep_it(eager, small, assigned):
    merged = kt.merge(assigned, [2, 1])
    assert merged.assignment == {"forest": (1, 2)}
    trained_on = kt.train(small, 4, model=assigned, steps=2, seed=1, progress=False)
    assert trained_on.legend == LEGEND
    parents = [
        trained_on.classes.ancestors(value)[:1]
        or (trained_on.classes.names[value - 1],)
        for value in range(1, 5)
    ]
    for value, (parent,) in enumerate(parents, 1):
        listed = value in trained_on.assignment["forest"]
        assert listed == (parent in ("class 1", "class 3"))
    fewer = kt.train(small, 2, model=assigned, steps=2, seed=1, progress=False)
    assert fewer.legend == LEGEND
    assert fewer.assignment["forest"]
