"""The formats of `archcalc formula`, one per file; its function `write` takes the closed forms of networks.

A format is imported when it is requested.
"""

from archcalc.core.catalogue import modules_in

FORMATS = tuple(modules_in(__path__))
