"""Every layer, one family to a file. Importing this package registers them all.

The folder torch_modules needs torch, and is not imported.
"""

import importlib
import pkgutil

for found in pkgutil.iter_modules(__path__):
    if not found.ispkg:
        importlib.import_module(f"{__name__}.{found.name}")
