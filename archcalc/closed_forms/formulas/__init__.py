"""One file per format of `archcalc formula`, its function `write` taking what there is to tell of networks.

A format is loaded when it is asked for.
"""

import pkgutil

FORMATS = tuple(found.name for found in pkgutil.iter_modules(__path__))
