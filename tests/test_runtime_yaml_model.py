"""A YAML file as a model: each fault is one line that names file, field and what to write, in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from runtime.errors import ConfigError, InputError
from runtime.yaml_model import read_model

if TYPE_CHECKING:
    from pathlib import Path


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Cat(Strict):
    animal: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9)] = 9


class Dog(Strict):
    animal: Literal["dog", "wolf"]
    name: Annotated[str, Field(min_length=1, max_length=3)]
    weight_kg: Annotated[float, Field(gt=0, lt=1e6)] | None = None


class House(Strict):
    pets: Annotated[dict[str, Annotated[Cat | Dog, Field(discriminator="animal")]], Field(min_length=1)]
    door: str | int | None = None
    is_open: bool = True
    size: Literal["small", "large"] = "small"
    costs: dict[str, float] = {}


FAULTS = {
    "": "pets: is missing",
    "pets: {}": "pets: is empty; name at least 1",
    "pets: [a]": "pets: write names below it, each with what belongs to it",
    "pets: {1: {animal: cat}}": "pets.1: write text, in quotes where it would be something else (is 1)",
    "pets: {tom: cat}": "pets.tom: write settings below it: animal, lives, name, weight_kg (is 'cat')",
    "pets: {tom: {}}": "pets.tom: needs animal: cat, dog or wolf",
    "pets: {tom: {animel: cat}}": "pets.tom: needs animal: cat, dog or wolf; 'animel' is no key",
    "pets: {tom: {animal: cow}}": "pets.tom: needs animal: cat, dog or wolf (is 'cow')",
    "pets: {tom: {animal: cat, lives: 10}}": "pets.tom.lives: write 9 or less (is 10)",
    "pets: {tom: {animal: cat, lives: 0}}": "pets.tom.lives: write 1 or more (is 0)",
    "pets: {tom: {animal: cat, lives: 1.5}}": "pets.tom.lives: write a whole number (is 1.5)",
    "pets: {tom: {animal: cat, lives: many}}": "pets.tom.lives: write a whole number (is 'many')",
    "pets: {rex: {animal: dog}}": "pets.rex.name: is missing",
    "pets: {rex: {animal: dog, nam: Rex}}": "pets.rex.nam: unknown key; did you mean name?",
    "pets: {rex: {animal: wolf, name: ''}}": "pets.rex.name: must not be empty (is '')",
    "pets: {rex: {animal: wolf, name: Rexy}}": "pets.rex.name: at most 3 characters (is 'Rexy')",
    "pets: {rex: {animal: dog, name: 5}}": (
        "pets.rex.name: write text, in quotes where it would be something else (is 5)"
    ),
    "pets: {rex: {animal: dog, name: Rex, weight_kg: 0}}": "pets.rex.weight_kg: write more than 0 (is 0)",
    "pets: {rex: {animal: dog, name: Rex, weight_kg: 2000000}}": (
        "pets.rex.weight_kg: write less than 1,000,000 (is 2000000)"
    ),
    "pets: {rex: {animal: dog, name: Rex, weight_kg: .nan}}": (
        "pets.rex.weight_kg: write a number that is finite (is nan)"
    ),
    "pets: {tom: {animal: cat}}\ndoor: [x]": "door: write text, in quotes where it would be something else",
    "pets: {tom: {animal: cat}}\nis_open: perhaps": "is_open: write true or false (is 'perhaps')",
    "pets: {tom: {animal: cat}}\nsize: huge": "size: write small or large (is 'huge')",
    "pets: {tom: {animal: cat}}\ncosts: {food: dear}": "costs.food: write a number (is 'dear')",
    "pets: {tom: {animal: cat}}\nzzzzzzzz: 1": "zzzzzzzz: unknown key; known are pets, door, is_open, size, costs",
    "pets: {tom: {animal: cat}}\n5: 1": "5: write a name, in quotes where it would be something else (is 5)",
    "- pets": "must be a mapping of settings, beginning with pets, door, is_open, size or costs",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_one_line_in_our_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "house.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_model(path, House, InputError)
    assert str(caught.value) == f"{path}: {FAULTS[text]}"


def test_a_file_is_called_as_the_user_called_it(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text("pets: {tom: {animal: cat, lives: 0}}")
    with pytest.raises(ConfigError, match=r"^house: pets\.tom\.lives: write 1 or more \(is 0\)$"):
        read_model(tmp_path / "house.yaml", House, ConfigError, called="house")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_model(tmp_path / "none.yaml", House, InputError)
    (tmp_path / "house.yaml").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(InputError, match="cannot be read: it is no text"):
        read_model(tmp_path / "house.yaml", House, InputError)


def test_a_good_file_is_the_model(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text("pets: {tom: {animal: cat}, rex: {animal: wolf, name: Rex}}\ndoor: 3")
    house = read_model(tmp_path / "house.yaml", House, InputError)
    assert house.pets == {"tom": Cat(animal="cat"), "rex": Dog(animal="wolf", name="Rex")}
    assert house.door == 3
