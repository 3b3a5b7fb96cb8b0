"""archcalc: the calculator for neural-network architectures.

    YAML --spec--> document --builder--> Graph --measures--> numbers --reports--> table, JSON, CSV, Markdown
                                           |----codegen----> PyTorch source --verify--> agreement with torch

A plural folder holds many things of one kind, one to a file; the singular module beside it says what one such thing is.
"""

from typing import TYPE_CHECKING, Any

from archcalc.core.version import VERSION as __version__

if TYPE_CHECKING:
    from archcalc.closed_forms.feasibility import feasible
    from archcalc.closed_forms.formula import closed_form
    from archcalc.closed_forms.solve import find
    from archcalc.codegen import generate
    from archcalc.core.diagnostic import SpecError
    from archcalc.explanation.explanation import explain
    from archcalc.graph.loading import load, load_text
    from archcalc.lint.checking import check
    from archcalc.memory.footprint import footprint_of
    from archcalc.memory.training_setup import Practice
    from archcalc.report.report import report_of
    from archcalc.verification import prove

_FACE = {
    "SpecError": "archcalc.core.diagnostic",
    "check": "archcalc.lint.checking",
    "closed_form": "archcalc.closed_forms.formula",
    "explain": "archcalc.explanation.explanation",
    "feasible": "archcalc.closed_forms.feasibility",
    "find": "archcalc.closed_forms.solve",
    "footprint_of": "archcalc.memory.footprint",
    "Practice": "archcalc.memory.training_setup",
    "load": "archcalc.graph.loading",
    "load_text": "archcalc.graph.loading",
    "report_of": "archcalc.report.report",
    "generate": "archcalc.codegen",
    "prove": "archcalc.verification",
}
"""What the package hands on, and where it lives; imported when first asked for, so that `--version` stays fast."""

__all__ = [
    "Practice",
    "SpecError",
    "__version__",
    "check",
    "closed_form",
    "explain",
    "feasible",
    "find",
    "footprint_of",
    "generate",
    "load",
    "load_text",
    "prove",
    "report_of",
]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'archcalc' has no attribute {name!r}")
    import importlib  # lazy: 1 ms

    return getattr(importlib.import_module(_FACE[name]), name)
