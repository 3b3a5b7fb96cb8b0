"""All features of the language server, one file each. Importing this package registers them."""

import importlib

from archcalc.core.catalogue import modules_in

for found in modules_in(__path__):
    importlib.import_module(f"{__name__}.{found}")
