"""All layers, one file per family. A file is imported when one of its layers is first asked for.

`index.py` says which file declares a layer. A file that it does not list is imported at once.
The folder torch_modules needs torch and is not imported.
"""

import importlib

from archcalc.core.catalogue import modules_in
from archcalc.layer import ALIASES, LAYERS
from archcalc.layers.index import FILES

LAYERS.expect({name: f"{__name__}.{file}" for file, names in FILES.items() for name in names})
ALIASES.update({other: name for names in FILES.values() for name, others in names.items() for other in others})

for found in modules_in(__path__):
    if found not in FILES and found != "index":
        importlib.import_module(f"{__name__}.{found}")
