"""Who may import whom, and what no shipped file may contain; read from the source, nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("runtime", "perception", "memory", "reasoning", "configs")
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
FILES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def may_import(file: Path, module: str) -> bool:
    """Is it right for `file` to import `module`? Only our own packages have rules."""
    target, *rest = module.split(".")
    if target == "tests":
        return False
    if target not in PACKAGES or file.parts[:2] == ("runtime", "apps"):
        return True
    if target == "runtime":
        return rest[:1] != ["apps"]
    return target == file.parts[0]


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a file imports; a relative import comes out as `.`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # In `from runtime import apps` the module is runtime.apps.
            yield from (f"{node.module}.{alias.name}" if not node.level else "." for alias in node.names)


def unsafe_parts(tree: ast.AST) -> Iterator[str]:
    """Yield each construct that runs code out of data."""
    yield from (name for name in imported_modules(tree) if name.split(".")[0] in UNSAFE_MODULES)
    yield from (name for name in imported_modules(tree) if name == "torch.load")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.load":
            yield "torch.load"
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                yield node.func.id
            for keyword in node.keywords:
                is_off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg in {"trust_remote_code", "allow_pickle"} and not is_off:
                    yield keyword.arg


def is_only_a_docstring(tree: ast.Module) -> bool:
    """Does the file hold one string and nothing else?"""
    return ast.get_docstring(tree) is not None and len(tree.body) == 1


def parse(file: Path) -> ast.Module:
    """Return the syntax tree of a file named relative to the root."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), filename=str(file))


def test_every_package_is_looked_at() -> None:
    assert {file.parts[0] for file in FILES} == set(PACKAGES)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_point_down_and_are_absolute(file: Path) -> None:
    wrong = [module for module in imported_modules(parse(file)) if module == "." or not may_import(file, module)]
    assert wrong == []


@pytest.mark.parametrize("file", FILES, ids=str)
def test_nothing_runs_code_out_of_data(file: Path) -> None:
    assert list(unsafe_parts(parse(file))) == []


@pytest.mark.parametrize("file", [file for file in FILES if file.name == "__init__.py"], ids=str)
def test_an_init_file_holds_a_docstring_and_nothing_else(file: Path) -> None:
    assert is_only_a_docstring(parse(file))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_folders_are_at_most_one_level_deep(file: Path) -> None:
    assert len(file.parts) <= 3  # package, sub-folder, file


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize("folder", sorted({file.parent for file in FILES}), ids=str)
def test_every_folder_with_code_is_a_package(folder: Path) -> None:
    assert (ROOT / folder / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("memory/index.py", "import reasoning.lmm"),
        ("memory/index.py", "from perception import video"),
        ("memory/index.py", "from runtime.apps import cli"),
        ("reasoning/service.py", "from runtime import apps"),
        ("runtime/bus.py", "from memory.store import Store"),
        ("runtime/bus.py", "def late():\n    import runtime.apps.cli"),
        ("runtime/apps/cli.py", "from tests.fakes import Camera"),
        ("configs/__init__.py", "import perception"),
    ],
)
def test_an_import_that_points_up_is_seen(file: str, code: str) -> None:
    assert not all(may_import(Path(file), module) for module in imported_modules(ast.parse(code)))


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("memory/index.py", "import faiss, memory.store, runtime.errors"),
        ("runtime/apps/cli.py", "from memory.service import MemoryService\nimport runtime.apps.demo"),
        ("reasoning/prompt.py", "from runtime.messages import Answer"),
    ],
)
def test_an_import_that_points_down_is_allowed(file: str, code: str) -> None:
    assert all(may_import(Path(file), module) for module in imported_modules(ast.parse(code)))


@pytest.mark.parametrize("code", ["from . import store", "from .store import Store", "from .. import wire"])
def test_a_relative_import_is_seen(code: str) -> None:
    assert "." in imported_modules(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "from torch import load",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "np.load(path, allow_pickle=flag)",
        "eval(text)",
        "exec(text)",
    ],
)
def test_running_code_out_of_data_is_seen(code: str) -> None:
    assert list(unsafe_parts(ast.parse(code)))


def test_evaluation_mode_and_safe_loading_are_allowed() -> None:
    code = "model.eval()\nload_file(path)\nAutoModel.from_pretrained(name, trust_remote_code=False)"
    assert list(unsafe_parts(ast.parse(code))) == []
