"""The machine that torch runs on, as torch reports it."""

import platform

import torch

from archcalc.core.machine import MACHINES, Machine

X86 = ("x86_64", "AMD64")
"""The names that operating systems use."""

ARM = ("aarch64", "arm64", "ARM64")


def machine_here() -> Machine:
    """The machine that memory is measured on, by the checks of oneDNN that torch itself makes."""
    architecture = platform.machine()
    if architecture in ARM:
        return MACHINES["aarch64"]
    if architecture not in X86:
        return Machine(architecture, (), "torch's rules for such a processor were not read")
    kernels = kernels_here()
    return next(each for each in MACHINES.values() if each.kernels == kernels and not each.unread)


def kernels_here() -> tuple[str, ...]:
    """The dtypes in which oneDNN computes here; none if torch was built without it or does not use it."""
    if not (torch._C._has_mkldnn and torch.backends.mkldnn.enabled):
        return ()
    found = ["float32"]
    found += ["bfloat16"] if torch.ops.mkldnn._is_mkldnn_bf16_supported() else []
    found += ["float16"] if torch.ops.mkldnn._is_mkldnn_fp16_supported() else []
    return tuple(found)
