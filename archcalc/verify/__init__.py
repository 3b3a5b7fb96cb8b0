"""Generated source held against torch. The only package that imports it."""

from archcalc.verify.proof import device_of, prove
from archcalc.verify.row import Certificate, Row

__all__ = ["Certificate", "Row", "device_of", "prove"]
