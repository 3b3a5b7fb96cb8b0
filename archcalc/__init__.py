"""archcalc: the calculator for neural-network architectures.

    YAML --spec--> document --builder--> Graph --measures--> numbers --reports--> table, JSON, CSV, Markdown
                                           |----codegen----> PyTorch source --verify--> agreement with torch

A plural folder holds many things of one kind, one to a file; the singular module beside it says what one such thing is.
"""

from typing import TYPE_CHECKING, Any

from archcalc.core.version import VERSION as __version__

if TYPE_CHECKING:
    from archcalc.checking import check
    from archcalc.codegen import generate
    from archcalc.core.diagnostic import SpecError
    from archcalc.explanation import explain
    from archcalc.feasibility import feasible
    from archcalc.footprint import footprint_of
    from archcalc.formula import closed_form
    from archcalc.loading import load, load_text
    from archcalc.practice import Practice
    from archcalc.report import report_of
    from archcalc.solve import find
    from archcalc.verify import prove

_FACE = {
    "SpecError": "archcalc.core.diagnostic",
    "check": "archcalc.checking",
    "closed_form": "archcalc.formula",
    "explain": "archcalc.explanation",
    "feasible": "archcalc.feasibility",
    "find": "archcalc.solve",
    "footprint_of": "archcalc.footprint",
    "Practice": "archcalc.practice",
    "load": "archcalc.loading",
    "load_text": "archcalc.loading",
    "report_of": "archcalc.report",
    "generate": "archcalc.codegen",
    "prove": "archcalc.verify",
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
