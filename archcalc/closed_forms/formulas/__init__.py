"""The formats of `archcalc formula`, one per file; its function `write` takes the closed forms of networks.

A format is imported when it is requested.
"""

import pkgutil

FORMATS = tuple(found.name for found in pkgutil.iter_modules(__path__))
