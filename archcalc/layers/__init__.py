"""All layers, one file per family. Importing this package registers them.

The folder torch_modules needs torch and is not imported.
"""

import importlib
import pkgutil

for found in pkgutil.iter_modules(__path__):
    if not found.ispkg:
        importlib.import_module(f"{__name__}.{found.name}")
