"""Verification: builds and runs the generated source in torch, and compares every number with its prediction.

In: a `Document`, a device. Out: a `VerificationReport` of rows: predicted, measured, whether they agree.
To touch: structure/, field/, memory/ and timing/, one per kind of comparison. Only this stage imports torch.
"""

from archcalc.verification.network import Watch, device_of, verify
from archcalc.verification.row import Row, VerificationReport

__all__ = ["Row", "VerificationReport", "Watch", "device_of", "verify"]
