"""Rules of lowering, one family of functions per file. Every file registers itself.

In: an operation and its arguments by name. Out: whether a layer was placed for it.
To touch: add a function with the decorator `lowers` of lowering/rule.py.
"""

import importlib

from archcalc.core.catalogue import modules_in

for found in modules_in(__path__):
    importlib.import_module(f"{__name__}.{found}")
