"""Public docstrings follow numpydoc, so that help pages are complete."""

import inspect

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

import ktextures as kt

# Of every function, class, and method. Not SS05, which takes every noun in the plural
# for a verb in the third person.
CODES = {
    "GL08",  # there is no docstring
    "SS02",  # the summary begins with a capital letter
    "SS03",  # the summary ends with a period
    "PR01",  # every parameter is documented
    "PR02",  # every documented parameter exists
    "PR03",  # in the same order
    "PR04",  # with its type
    "PR07",  # and a description
    "RT01",  # a returned value is documented
    "RT02",  # by its type, on the first line
    "RT03",  # with a description
}
# Of every function, which is where users look first:
FUNCTION_CODES = CODES | {"EX01"}  # there is an example


# Classes whose arguments are documented by the function that makes them.
MADE_BY = {"ktextures.Explorer": "ktextures.explore"}


def public_functions():
    """Dotted names of the functions in the package and in `datasets`."""
    names = [f"ktextures.{name}" for name in kt.__all__]
    names += [f"ktextures.datasets.{name}" for name in kt.datasets.__all__]
    return [name for name in names if inspect.isfunction(find(name))]


def public_classes():
    """Dotted names of the public classes, without errors."""
    names = [f"ktextures.{name}" for name in kt.__all__]
    names += [f"ktextures.datasets.{name}" for name in kt.datasets.__all__]
    classes = [name for name in names if inspect.isclass(find(name))]
    return [name for name in classes if not issubclass(find(name), Exception)]


def public_methods():
    """Dotted names of the methods and properties that public classes add."""
    return [
        f"{name}.{method}"
        for name in public_classes()
        for method, value in vars(find(name)).items()
        if not method.startswith("_")
        and is_method(value)
        and not overrides(find(name), method)
    ]


def is_method(value):
    kinds = (classmethod, staticmethod, property)
    return isinstance(value, kinds) or inspect.isfunction(value)


def overrides(cls, method):
    """Whether a base class documents the method."""
    return any(hasattr(base, method) for base in cls.__mro__[1:])


def find(name):
    """Object of a dotted name below the package."""
    value = kt
    for part in name.split(".")[1:]:
        value = getattr(value, part)
    return value


def complaints(name, codes):
    """What numpydoc finds wrong with the docstring of an object."""
    found = validate(name)["errors"]
    if documents_attributes(find(name)):
        codes = codes - {"PR01"}
    if name in MADE_BY:
        codes = codes - {"PR01", "PR02", "PR04"}
    return [f"{code}: {text}" for code, text in found if code in codes]


def documents_attributes(value):
    """Whether a class that users do not construct lists its fields as attributes."""
    if not inspect.isclass(value):
        return False
    documented = {entry.name for entry in ClassDoc(value)["Attributes"]}
    return set(inspect.signature(value).parameters) <= documented


@pytest.mark.parametrize("name", public_functions())
def test_functions_are_documented_with_an_example(name):
    assert complaints(name, FUNCTION_CODES) == []


@pytest.mark.parametrize("name", public_functions())
def test_functions_name_the_errors_that_they_raise(name):
    function = find(name)
    if inspect.signature(function).parameters:
        assert FunctionDoc(function)["Raises"]


@pytest.mark.parametrize("name", public_classes() + public_methods())
def test_classes_and_methods_are_documented(name):
    assert complaints(name, CODES) == []


@pytest.mark.parametrize(("name", "function"), MADE_BY.items())
def test_a_class_made_by_a_function_takes_the_same_arguments(name, function):
    taken = inspect.signature(find(name)).parameters
    assert list(taken) == list(inspect.signature(find(function)).parameters)


def test_flaws_are_found(monkeypatch):
    def flawed(one, two):
        """Halve a number

        Parameters
        ----------
        two : int
        one
            A number.
        """
        return one / two

    monkeypatch.setattr(kt, "flawed", flawed, raising=False)
    found = {text.partition(":")[0] for text in complaints("ktextures.flawed", CODES)}
    assert found == {"SS03", "PR03", "PR04", "PR07", "RT01"}
