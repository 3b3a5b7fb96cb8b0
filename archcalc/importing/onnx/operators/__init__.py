"""The operators of ONNX, one family per file. Every file registers itself.

In: a node. Out: what it makes; its operations are written under torch's names.
To touch: add a function with the decorator `operator` of onnx/following.py.
"""

import importlib

from archcalc.core.catalogue import modules_in

for found in modules_in(__path__):
    importlib.import_module(f"{__name__}.{found}")
