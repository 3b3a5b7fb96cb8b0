"""The operators of ONNX, one family per file. Every file registers itself.

In: a node. Out: what it makes; its operations are written under torch's names.
To touch: add a function with the decorator `operator` of onnx/following.py.
"""

import importlib
import pkgutil

for found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{found.name}")
