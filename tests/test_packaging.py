"""What the wheel carries, that it runs elsewhere, and that the tested versions meet the declared bounds."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGES = ("runtime", "perception", "memory", "reasoning", "configs")
NOT_SHIPPED = {"__pycache__", ".DS_Store"}


def shipped_files() -> set[str]:
    """Return what the packages hold in the checkout, as the wheel should name it."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in files if NOT_SHIPPED.isdisjoint(path.parts)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout, built with what is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    # From elsewhere: a folder named build, here, would hide the module of that name.
    subprocess.run(command, cwd=folder, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == shipped_files()
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert any(name.startswith("configs/") and name.endswith(".yaml") for name in names)


@pytest.mark.slow
def test_wheel_brings_command_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {name.partition(".dist-info/")[2]: archive.read(name) for name in archive.namelist()}
    assert b"heedful = runtime.apps.cli:main" in texts["entry_points.txt"]
    assert texts["licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()


@pytest.mark.soak
def test_demo_runs_from_the_wheel_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """The environment sees the third-party packages of this one, but not the checkout."""
    venv.create(tmp_path / "env", symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "env")}))
    # A plain path: .pth files inside that folder, such as the checkout's own, are not followed from here.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "home").mkdir()
    env = os.environ | {"HOME": str(tmp_path / "home")}
    code = "import runtime.apps.cli; print(runtime.apps.cli.__file__)"
    place = subprocess.run([python, "-c", code], cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert Path(place.stdout.strip()).is_relative_to(site)
    subprocess.run([tmp_path / "env" / "bin" / "heedful", "demo"], cwd=tmp_path, env=env, check=True)


def test_constraints_pin_every_dependency_within_its_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    tested = {canonicalize_name(name): version for name, version in pins.items()}
    for requirement in map(Requirement, project["dependencies"] + extras["cpu"] + extras["dev"]):
        assert requirement.specifier.contains(tested[canonicalize_name(requirement.name)]), requirement
