"""All layers, one file per family. A file is imported when one of its layers is first asked for.

`index.py` says which file declares a layer. A file that it does not list is imported at once.
The folder torch_modules needs torch and is not imported.
"""

import importlib
import pkgutil

from archcalc.layer import ALIASES, LAYERS
from archcalc.layers.index import FILES

LAYERS.expect({name: f"{__name__}.{file}" for file, names in FILES.items() for name in names})
ALIASES.update({other: name for names in FILES.values() for name, others in names.items() for other in others})

for found in pkgutil.iter_modules(__path__):
    if not found.ispkg and found.name not in FILES and found.name != "index":
        importlib.import_module(f"{__name__}.{found.name}")
