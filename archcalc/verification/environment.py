"""The environment of a measurement: versions, and the torch flags that affect numbers."""

import platform
import shutil
import subprocess
from collections.abc import Callable

import torch

from archcalc.core.version import VERSION
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import replace
from archcalc.verification.precision import CONVOLUTIONS, PRODUCTS, exactly, is_rounded
from archcalc.verification.processor import machine_here

PATIENCE = 10
"""Timeout for asking the driver's version, in seconds."""


def name_of(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


def versions(device: str, setup: TrainingSetup) -> dict[str, str]:
    """The versions of everything that affects the numbers; `processor`: the machine as torch describes it; `rules`: the
    device, machine and torch release of the prediction."""
    found = {
        "archcalc": VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "processor": machine_here().name,
    }
    if device == "cuda":
        cudnn: Callable[[], int | None] = torch.backends.cudnn.version
        found |= {
            "cuda": torch.version.cuda or "none",
            "cudnn": str(cudnn() or "none"),
            "driver": driver(),
            "gpu": name_of(device),
        }
    return found | {"rules": "none" if device == "meta" else replace(setup, device=device).rules}


def driver() -> str:
    """The version of NVIDIA's driver, which torch does not report."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "unknown"
    asked = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        output = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return next(iter(output.split()), "unknown")


def flags(device: str) -> dict[str, str]:
    """The flags of cuDNN and cuBLAS in a real run, during memory recording and during timing; for the CPU, threads."""
    if device != "cuda":
        return {"threads": str(torch.get_num_threads())}
    found = {"real run": on_gpu()}
    with exactly(deterministic=True):
        found["memory"] = on_gpu()
    with exactly(deterministic=False):
        found["time"] = on_gpu()
    return found


def on_gpu() -> str:
    """The current flags."""
    cudnn = torch.backends.cudnn
    said = {
        "cudnn tf32": is_rounded(CONVOLUTIONS),
        "cudnn benchmark": cudnn.benchmark,
        "cudnn deterministic": cudnn.deterministic,
        "matmul tf32": is_rounded(PRODUCTS),
    }
    return ", ".join(f"{name} {on_or_off(value)}" for name, value in said.items())


def on_or_off(value: bool) -> str:
    return "on" if value else "off"
