"""The page of settings is what the models say, and nothing is left out."""

import re
from pathlib import Path

import pytest
import yaml

from runtime import config, settings_page
from runtime.config import Config

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
MODELS = [one for one in vars(config).values() if isinstance(one, type) and one.__module__ == config.__name__]
SETTINGS = [(one.__name__, field) for one in MODELS for field in getattr(one, "model_fields", {})]


def test_the_page_is_what_the_models_say() -> None:
    stale = "stale; run: python -m runtime.settings_page > docs/configuration.md"
    assert PAGE.read_text(encoding="utf-8") == settings_page.page(), stale


def test_every_setting_is_a_row_with_a_sentence() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", settings_page.page(), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(field for _, field in SETTINGS)
    assert all(sentence.endswith(".") for _, sentence in rows)


def test_no_sentence_is_of_a_setting_that_is_none() -> None:
    told = {(model, field) for model, fields in settings_page.sentences().items() for field in fields}
    assert told == set(SETTINGS)


@pytest.mark.parametrize(
    "row",
    [
        "| `width_px` | whole number | px | none | 16 to 8,192 |",
        "| `rate_hz` | number | Hz | none | more than 0, up to 240 |",
        "| `device` | text or whole number |  | none |  |",
        "| `kind` | `image`, `audio`, `radar`, `events`, `pose`, `imu` |  | must be written |  |",
        "| `clock_error_s` | names with numbers | s | none | 0 to 3,600 |",
        "| `folder` | path |  | none |  |",
        "| `request` | text |  | must be written | 1 to 200 characters |",
        "| `two_rows` | true or false |  | `false` |  |",
        "| `supported_above` | number |  | none | 0 or more |",
        "| `window_tokens` | whole number | tokens | `2048` | 16 to 1,000,000 |",
        "| `lmm` | settings |  |  |  |",
    ],
)
def test_a_row_says_type_unit_default_and_range(row: str) -> None:
    assert row in settings_page.page()


def test_its_example_can_be_used() -> None:
    example = re.search(r"```yaml\n(.*?)```", settings_page.page(), re.DOTALL)
    assert example is not None
    assert set(Config.model_validate(yaml.safe_load(example[1])).streams) == {"gate", "bumper"}


def test_every_shipped_configuration_is_named() -> None:
    named = re.search(r"comes along: (.*?) \(", settings_page.page())
    assert named is not None
    assert named[1] == ", ".join(f"`{name}`" for name in config.shipped())
