"""Verification: builds and runs the generated source in torch, and compares every number with its prediction.

In: a `Document`, a device. Out: a `VerificationReport` of rows: predicted, measured, whether they agree.
To touch: structure/, field/, memory/ and timing/, one per kind of comparison. Only this stage imports torch.
"""

from archcalc.verification.network import device_of, verify
from archcalc.verification.row import Row, VerificationReport

__all__ = ["Row", "VerificationReport", "device_of", "verify"]
