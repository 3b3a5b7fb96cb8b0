"""The formats of `archcalc diff`, one per file.

Its functions `write` and `write_weights` take a comparison of networks or of weights, and how to show it.
A format is imported when it is requested.
"""

import pkgutil

FORMATS = tuple(found.name for found in pkgutil.iter_modules(__path__))
