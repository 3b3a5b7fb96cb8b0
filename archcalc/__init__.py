"""archcalc: the calculator for neural-network architectures.

    YAML --spec/--> document --graph/--> Graph --measures/ memory/--> numbers --report/ pages/--> tables, pages
                                           |----closed_forms/--> formulas, valid sizes, what fits a budget
                                           |----sweeping/------> the best of a whole space of designs
                                           |----lint/----------> findings
                                           |----codegen/-------> PyTorch source --verification/--> agreement with torch
                                           '----explanation/---> a layer's numbers, derived

A folder is a stage of the pipeline. In it, the singular module says what a thing is, and the plural folder beside it
is where you add one. What people add most often stands in front: layer.py and layers/, measure.py and measures/,
command.py and commands/. A stage imports only from stages before it:

    record < sym < core < spec < layer < layers < graph < measure < measures < memory < closed_forms < report
    < comparison < codegen < lint < explanation < verification < importing < pages < sweeping < editor < usage
    < command < commands
"""

from archcalc.core.version import VERSION as __version__

TYPE_CHECKING = False  # as type checkers know it; `typing` itself costs as much as starting Python
if TYPE_CHECKING:
    from typing import Any

    from archcalc.closed_forms.feasibility import feasible
    from archcalc.closed_forms.formula import closed_form
    from archcalc.closed_forms.solve import solve
    from archcalc.codegen import generate
    from archcalc.comparison.comparison import compare
    from archcalc.core.diagnostic import SpecError
    from archcalc.core.machine import MACHINES
    from archcalc.explanation.explanation import explain
    from archcalc.graph.loading import load, load_text
    from archcalc.importing.from_onnx import from_onnx
    from archcalc.importing.imported import from_torch
    from archcalc.lint.checking import check
    from archcalc.memory.footprint import footprint_of
    from archcalc.memory.optimizer import read_optimizer as optimizer
    from archcalc.memory.training_setup import TrainingSetup
    from archcalc.report.report import report_of
    from archcalc.sweeping.asking import sweep
    from archcalc.verification import verify

_FACE = {
    "MACHINES": "archcalc.core.machine",
    "SpecError": "archcalc.core.diagnostic",
    "check": "archcalc.lint.checking",
    "closed_form": "archcalc.closed_forms.formula",
    "compare": "archcalc.comparison.comparison",
    "explain": "archcalc.explanation.explanation",
    "feasible": "archcalc.closed_forms.feasibility",
    "solve": "archcalc.closed_forms.solve",
    "sweep": "archcalc.sweeping.asking",
    "footprint_of": "archcalc.memory.footprint",
    "from_onnx": "archcalc.importing.from_onnx",
    "from_torch": "archcalc.importing.imported",
    "TrainingSetup": "archcalc.memory.training_setup",
    "load": "archcalc.graph.loading",
    "optimizer": "archcalc.memory.training_setup",
    "load_text": "archcalc.graph.loading",
    "report_of": "archcalc.report.report",
    "generate": "archcalc.codegen",
    "verify": "archcalc.verification",
}
"""What the package hands on, and where it lives; imported when first asked for, so that `--version` stays fast."""

__all__ = [
    "MACHINES",
    "SpecError",
    "TrainingSetup",
    "__version__",
    "check",
    "closed_form",
    "compare",
    "explain",
    "feasible",
    "footprint_of",
    "from_onnx",
    "from_torch",
    "generate",
    "load",
    "load_text",
    "optimizer",
    "report_of",
    "solve",
    "sweep",
    "verify",
]


_CALLED = {"optimizer": "read_optimizer"}
"""What is called otherwise where it lives."""


def __getattr__(name: str) -> "Any":
    if name not in _FACE:
        raise AttributeError(f"module 'archcalc' has no attribute {name!r}")
    import importlib  # lazy: 1 ms

    return getattr(importlib.import_module(_FACE[name]), _CALLED.get(name, name))
