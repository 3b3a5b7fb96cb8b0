"""The program's own modules are found as Python finds them; what was not compiled as it stands, not at all."""

import importlib.util
import os
import py_compile
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

import archcalc
from archcalc.core.modules import PACKAGE, USUAL, Compiled, Modules

ROOT = Path(archcalc.__file__).parent
MODULES = [path.relative_to(ROOT).with_suffix("").parts for path in sorted(ROOT.rglob("*.py"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A module, a package with one, and a module that is longer than what is read at once, all compiled."""
    (tmp_path / "package").mkdir()
    texts = {"one.py": "ONE = 1\n", "package/__init__.py": "", "package/two.py": "TWO = 2\n"}
    texts["long.py"] = f"LONG = {'x' * 3 * USUAL!r}\n"
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        py_compile.compile(str(tmp_path / name), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    return tmp_path


@pytest.mark.parametrize("name", ["one", "package", "package.two", "long"])
def test_a_compiled_module_is_found_as_python_finds_it(folder: Path, name: str) -> None:
    found = Modules(str(folder)).find_spec(PACKAGE + name)
    path = folder if "." not in name else folder / name.partition(".")[0]
    expected = PathFinder.find_spec(name.rpartition(".")[2], [str(path)])
    assert found
    assert expected
    assert found.name == PACKAGE + name
    assert (found.origin, found.cached, found.has_location) == (expected.origin, expected.cached, True)
    assert found.submodule_search_locations == expected.submodule_search_locations
    module, other = importlib.util.module_from_spec(found), importlib.util.module_from_spec(expected)
    for spec, each in ((found, module), (expected, other)):
        assert spec.loader
        spec.loader.exec_module(each)
    own = {key: value for key, value in vars(module).items() if key.isupper()}
    assert own == {key: value for key, value in vars(other).items() if key.isupper()}
    assert isinstance(found.loader, Compiled)
    assert found.loader.get_code(found.name) is not None  # again, from the file


def test_what_was_not_compiled_as_it_stands_is_left_to_python(folder: Path) -> None:
    modules = Modules(str(folder))
    compiled = Path(importlib.util.cache_from_source(str(folder / "one.py")))
    whole = compiled.read_bytes()

    def is_found() -> bool:
        return modules.find_spec(f"{PACKAGE}one") is not None

    assert is_found()
    for broken in (b"", whole[:20], whole[:-1], b"\0\0\0\0" + whole[4:]):
        compiled.write_bytes(broken)
        assert not is_found()
    py_compile.compile(str(folder / "one.py"), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    assert not is_found()
    compiled.write_bytes(whole)
    assert is_found()
    os.utime(folder / "one.py", (1, 1))
    assert not is_found()
    (folder / "one.py").unlink()
    assert not is_found()


def test_only_modules_of_the_package_are_found(folder: Path) -> None:
    modules = Modules(str(folder))
    for name in ("one", "archcalc", "archcalcs.one", f"{PACKAGE}other", f"{PACKAGE}package.one"):
        assert modules.find_spec(name) is None


def test_no_module_has_the_name_of_a_package_beside_it() -> None:
    packages = {parts[:-1] for parts in MODULES if parts[-1] == "__init__"}
    assert packages.isdisjoint(MODULES)


def test_the_program_finds_its_modules_quickly_and_python_can_work_with_them() -> None:
    program = (
        "import archcalc.__main__ as program, importlib, inspect, sys\n"
        "program.leave = lambda code: None\n"
        "sys.argv = ['archcalc', 'report', '-e', 'input(3,8,8) -> conv(3,4)', '--no-cache']\n"
        "program.main()\n"
        "from archcalc.core import volume\n"
        "assert type(volume.__spec__.loader).__name__ == 'Compiled', volume.__spec__\n"
        "assert 'class Volume' in inspect.getsource(volume)\n"
        "assert importlib.reload(volume).Volume.__module__ == 'archcalc.core.volume'\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONPYCACHE")}
    compile_all = [sys.executable, "-m", "compileall", "-q", str(ROOT)]
    subprocess.run(compile_all, check=True, env=environment)
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
