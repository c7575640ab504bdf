"""The error tree: each leaf says in one line what is wrong and ends the process with a documented code."""

import inspect

import pytest

from runtime import errors
from runtime.errors import HeedfulError

LEAVES = [
    one
    for _, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, HeedfulError) and one is not HeedfulError
]


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_is_a_leaf_right_below_the_root(leaf: type[HeedfulError]) -> None:
    assert leaf.__bases__ == (HeedfulError,)


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_has_a_documented_exit_code_and_one_line(leaf: type[HeedfulError]) -> None:
    names = list(inspect.signature(leaf.__init__).parameters)[1:]
    error = leaf(*(2.5 if name.endswith("_s") else f"the {name}" for name in names))
    assert error.exit_code in (1, 2, 3)
    assert str(error)
    assert "\n" not in str(error)
    for name in names:
        assert getattr(error, name) == (2.5 if name.endswith("_s") else f"the {name}")
        assert (f"the {name}" in str(error)) or (name.endswith("_s") and "2.50 s" in str(error))


def test_exit_codes_are_the_documented_ones() -> None:
    codes = {leaf.__name__: leaf.exit_code for leaf in LEAVES}
    assert codes["ConfigError"] == codes["InputError"] == 2
    assert codes["MissingPart"] == codes["ModelError"] == 3
    named = {"ConfigError", "InputError", "MissingPart", "ModelError"}
    assert {name for name, code in codes.items() if code != 1} == named


def test_the_drawn_tree_lists_every_error_and_nothing_else() -> None:
    drawn = [line.split()[1] for line in (errors.__doc__ or "").splitlines() if line[:1] in "├└" and line]
    assert sorted(drawn) == sorted(leaf.__name__ for leaf in LEAVES)


def test_the_drawn_exit_codes_are_true() -> None:
    for line in (errors.__doc__ or "").splitlines():
        if ", exit " in line:
            assert getattr(errors, line.split()[1]).exit_code == int(line.rsplit(" ", 1)[1])
