"""The formats of `archcalc diff`, one per file; its function `write` takes a comparison and how to show it.

A format is imported when it is requested.
"""

import pkgutil

FORMATS = tuple(found.name for found in pkgutil.iter_modules(__path__))
