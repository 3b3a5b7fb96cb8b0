"""Formats of pictures: every file in this folder registers one."""

import importlib

from archcalc.core.catalogue import modules_in

for _module in modules_in(__path__):
    importlib.import_module(f"{__name__}.{_module}")
