"""Files that are written at the end of long work: whether they can be is known before it begins."""

from __future__ import annotations

from pathlib import Path

from runtime.errors import ConfigError


def check_new(option: str, path: Path) -> None:
    """Make sure that a new file can be written there, and leave none. Raises ConfigError, also where one is already."""
    try:
        path.open("xb").close()
        path.unlink()
    except FileExistsError as error:
        raise ConfigError(option, f"{path} is there already; name a new file") from error
    except (OSError, ValueError) as error:  # a name with a zero in it is a ValueError
        raise ConfigError(option, f"{path} cannot be written: {getattr(error, 'strerror', error)}") from error


def make_folder(option: str, folder: Path) -> None:
    """Make a folder that is written into, where there is none yet. Raises ConfigError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ConfigError(option, f"{folder} is a file; name a folder") from error
    except (OSError, ValueError) as error:
        raise ConfigError(option, f"{folder} cannot be made: {getattr(error, 'strerror', error)}") from error
