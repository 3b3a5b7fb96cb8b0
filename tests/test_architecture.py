"""The house holds: who imports whom, what is loaded late, how long a function may be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "archcalc"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "specs" not in p.parts)

ORDER = [
    "sym", "core", "spec", "layer", "layers", "graph", "binding", "frame", "inference", "declarations", "builder",
    "measure", "measures", "roofline", "optimizer", "optimizers", "checkpointing", "autocast", "tape", "ledger",
    "recompute", "memory", "transfer", "practice", "footprint", "memory_text", "suspect", "expectation", "editing",
    "rule", "rules", "report", "layout", "reports", "freeing", "feasibility", "linting", "budget", "solve", "formula",
    "formulas", "sweep", "codegen", "verify", "zoo", "loading", "checking", "diagnostic_formats", "schema",
    "written", "tracing", "toeplitz", "derivation", "derivations", "explanation", "explanation_text", "importer",
    "importers", "command", "commands",
]  # fmt: skip
"""A module imports only from its left, and from its own stage."""

THIRD_PARTY = {
    "yaml": ("spec/reader.py",),
    "click": ("command.py", "commands/"),
    "rich": ("reports/table.py", "commands/"),
    "sympy": ("sym/sympy_bridge.py",),
    "networkx": ("graph.py",),
    "numpy": ("sym/compile.py", "sweep.py"),
    "torch": ("verify.py", "verify/", "importers/torch.py"),
}

FACE = ("__init__.py", "__main__.py")
"""The package's face may hand on from every stage."""


def where(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def stage(path: Path) -> str:
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
