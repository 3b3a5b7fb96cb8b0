"""The rules, one per file. Importing this package registers them all."""

import importlib

from archcalc.core.catalogue import modules_in

for found in modules_in(__path__):
    importlib.import_module(f"{__name__}.{found}")
