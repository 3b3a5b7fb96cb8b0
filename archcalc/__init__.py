"""archcalc: the calculator for neural-network architectures.

    YAML --spec--> document --builder--> Graph --measures--> numbers --reports--> table, JSON, CSV, Markdown
                                           |----codegen----> PyTorch source --verify--> agreement with torch

A plural folder holds many things of one kind, one to a file; the singular module beside it says what one such thing is.
"""

from typing import Any

from archcalc.core.version import VERSION as __version__

_FACE = {"load": "archcalc.loading", "load_text": "archcalc.loading", "SpecError": "archcalc.core.diagnostic"}
"""What the package hands on, and where it lives; imported when first asked for, so that `--version` stays fast."""

__all__ = ["SpecError", "__version__", "load", "load_text"]


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'archcalc' has no attribute {name!r}")
    import importlib  # lazy: 1 ms

    return getattr(importlib.import_module(_FACE[name]), name)
