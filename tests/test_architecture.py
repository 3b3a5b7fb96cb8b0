"""The house holds: who imports whom, what is loaded late, how long a function may be."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from torch import zeros
from torch.nn import Linear

import archcalc
from archcalc.core.kernel import Kernel
from tests.networks.zoo import DATA

PACKAGE = Path(__file__).parent.parent / "archcalc"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "specs" not in p.parts)

ORDER = [
    "record",
    "sym", "core", "spec", "layer", "layers", "graph", "measure", "measures", "memory", "closed_forms", "report",
    "comparison", "codegen", "lint", "explanation", "verification", "importing", "pages", "sweeping", "editor",
    "usage", "command", "commands",
]  # fmt: skip
"""The stages of the pipeline: a module imports only from stages to its left, and from its own."""

THIRD_PARTY = {
    "yaml": ("spec/full_yaml.py",),
    "click": ("usage/", "command.py", "commands/"),
    "rich": ("report/formats/table.py", "commands/"),
    "sympy": ("sym/sympy_bridge.py",),
    "networkx": ("graph/graph.py",),
    "numpy": ("sym/compile.py", "sweeping/"),
    "dask": ("sweeping/cluster.py",),
    "distributed": ("sweeping/cluster.py",),
    "pyarrow": ("sweeping/formats/parquet.py",),
    "pandas": ("sweeping/sweep.py", "core/shown.py"),
    "cairosvg": ("commands/draw.py",),
    "torch": ("verification/", "importing/", "layers/torch_modules/"),
}

FACE = ("__init__.py", "__main__.py")
"""The package's face may hand on from every stage."""


def where(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def stage(path: Path) -> str:
    """The folder of the package that a file is in, or the file itself where it stands in front."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node, node.module or ""
            if node.module == "archcalc":
                yield from ((node, f"archcalc.{alias.name}") for alias in node.names)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.fixture(params=FILES, ids=where)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_module_imports_only_from_its_left(file: Path) -> None:
    if where(file) in FACE:
        return
    here = ORDER.index(stage(file))
    for node, name in imports(ast.parse(file.read_text())):
        if name.startswith("archcalc."):
            theirs = name.split(".")[1]
            assert ORDER.index(theirs) <= here, f"{where(file)}:{node.lineno} imports {theirs} from its right"


def test_third_parties_stay_where_they_belong(file: Path) -> None:
    for node, name in imports(ast.parse(file.read_text())):
        allowed = THIRD_PARTY.get(name.split(".")[0])
        assert allowed is None or where(file).startswith(allowed), f"{where(file)}:{node.lineno} imports {name}"


def test_nothing_imports_the_modules_that_are_read_as_text(file: Path) -> None:
    """They import torch, which no layer needs."""
    for node, _ in imports(ast.parse(file.read_text())):
        said = ast.unparse(node)
        assert not re.search(r"layers(\.| import .*\b)torch_modules\b", said), f"{where(file)}:{node.lineno} {said}"


def test_imports_within_functions_are_declared_lazy_and_never_our_own(file: Path) -> None:
    """A function-level import of our own hides a cycle; of a third party, it says what it would cost."""
    text = file.read_text()
    lines = text.splitlines()
    tree = ast.parse(text)
    inside = {node.lineno for f in functions(tree) for node, _ in imports(f)}
    for node, name in imports(tree):
        if node.lineno in inside:
            line = lines[node.lineno - 1]
            assert re.search(r"# lazy: \S+", line), f"{where(file)}:{node.lineno} imports {name} inside a function"
            assert where(file) in FACE or not name.startswith("archcalc") or stage(file) == "commands", (
                f"{where(file)}:{node.lineno}: move the function to the stage that may know both"
            )


def test_no_function_is_longer_than_a_screenful(file: Path) -> None:
    for function in functions(ast.parse(file.read_text())):
        assert function.end_lineno is not None
        length = function.end_lineno - function.lineno + 1
        assert length <= 40, f"{where(file)}:{function.lineno} {function.name} has {length} lines"


def test_no_class_does_too_much(file: Path) -> None:
    """A layer is one class with its examples; whatever else grows past 200 lines is two things."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ClassDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= 200, f"{where(file)}:{node.lineno} {node.name} has {length} lines"


def test_what_a_layer_has_to_state_about_its_kernel_stays_small() -> None:
    assert len(fields(Kernel)) <= 12


def test_there_is_no_import_cycle() -> None:
    """Within a stage, too: modules can be sorted so that each imports only what comes before it."""
    graph = {}
    for file in FILES:
        name = "archcalc." + where(file).removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        top = ast.parse(file.read_text())
        late = {node.lineno for f in functions(top) for node, _ in imports(f)}
        graph[name] = {n for node, n in imports(top) if node.lineno not in late}
    done: set[str] = set()
    while ready := {n for n, needs in graph.items() if n not in done and not (needs & graph.keys()) - done - {n}}:
        done |= ready
    assert done == graph.keys(), f"a cycle among {sorted(graph.keys() - done)}"


@pytest.mark.parametrize("said", [archcalc.__doc__, (PACKAGE.parent / "CONTRIBUTING.md").read_text()])
def test_the_order_stands_where_people_begin_to_read(said: str) -> None:
    assert re.search(r"\s*<\s*".join(ORDER), said)


def test_a_class_with_fields_is_a_record() -> None:
    """`dataclasses` takes as long to import as all records together."""
    kept = PACKAGE / "record.py"
    assert not [
        where(file)
        for file in FILES
        if file != kept and re.search(r"^(from|import) dataclasses", file.read_text(), re.M)
    ]


IN_FRONT = {"__init__.py", "__main__.py", "record.py", "layer.py", "measure.py", "command.py", "py.typed"}
"""What stands beside the folders: the face, and what one record, layer, measure or command is."""


def test_what_stands_in_front_is_what_people_come_to_add() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} <= IN_FRONT


def test_every_folder_is_a_stage_of_the_order() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and list(path.glob("*.py"))}
    assert folders <= set(ORDER)


def test_every_folder_says_what_comes_in_what_goes_out_and_what_to_touch() -> None:
    """Plural folders register what is in them, and the singular module beside them says it all."""
    for init in PACKAGE.rglob("__init__.py"):
        text = init.read_text()
        if init.parent == PACKAGE or "modules_in(__path__)" in text:
            continue
        said = ast.get_docstring(ast.parse(text)) or ""
        assert {"In: ", "Out: ", "To touch: "} <= set(re.findall(r"In: |Out: |To touch: ", said)), where(init)


def test_no_submodule_takes_the_place_of_a_public_name() -> None:
    """A submodule replaces an attribute of its package's name as soon as it is imported."""
    for found in pkgutil.walk_packages(archcalc.__path__, "archcalc."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    assert not [name for name in archcalc.__all__ if isinstance(getattr(archcalc, name), ModuleType)]


CALLS: dict[str, Callable[[], object]] = {
    "MACHINES": lambda: archcalc.MACHINES["x86-avx2"],
    "TrainingSetup": lambda: archcalc.TrainingSetup(),
    "SpecError": lambda: archcalc.SpecError([]),
    "__version__": lambda: archcalc.__version__.split("."),
    "check": lambda: archcalc.check("lenet5"),
    "compare": lambda: archcalc.compare("lenet5", "lenet5"),
    "optimizer": lambda: archcalc.optimizer("adamw"),
    "closed_form": lambda: archcalc.closed_form(archcalc.load("resnet18", free=["w"]), "params"),
    "explain": lambda: archcalc.explain(archcalc.load("lenet5"), "conv1"),
    "feasible": lambda: archcalc.feasible(archcalc.load("resnet18", free=["H"])),
    "footprint_of": lambda: archcalc.footprint_of(archcalc.load("lenet5")),
    "from_onnx": lambda: archcalc.from_onnx(str(DATA / "onnx" / "small.onnx")),
    "from_torch": lambda: archcalc.from_torch(Linear(4, 2), zeros(1, 4)),
    "generate": lambda: archcalc.generate(archcalc.load("lenet5")),
    "load": lambda: archcalc.load("lenet5"),
    "load_text": lambda: archcalc.load_text("archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 8)\n"),
    "report_of": lambda: archcalc.report_of(archcalc.load("lenet5")),
    "sweep": lambda: archcalc.sweep("lenet5", {"H=W": "32..36:2"}, minimise="macs"),
    "solve": lambda: archcalc.solve(archcalc.load("resnet18", free=["w"]), "w", "params <= 5M"),
    "verify": lambda: archcalc.verify("lenet5", device="meta"),
}
"""Every public name, called as its docstring says."""


def test_every_public_name_can_be_called_when_every_submodule_is_imported() -> None:
    assert CALLS.keys() == set(archcalc.__all__)
    for call in CALLS.values():
        call()
