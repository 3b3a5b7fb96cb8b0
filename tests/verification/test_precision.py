"""Float32 is float32 while memory and time are measured, whatever was set before; and all is as before afterwards."""

import json
import subprocess
import sys
from typing import Any

import pytest
import torch

from tests.networks.zoo import ROOT

SETTINGS = {
    "nothing": "",
    "products, older": "torch.backends.cuda.matmul.allow_tf32 = True",
    "products, high": "torch.set_float32_matmul_precision('high')",
    "products, medium": "torch.set_float32_matmul_precision('medium')",
    "convolutions, older": "torch.backends.cudnn.allow_tf32 = False",
}
NEWER = {
    "all": "torch.backends.fp32_precision = 'tf32'",
    "products": "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
    "convolutions": "torch.backends.cudnn.conv.fp32_precision = 'ieee'",
    "cuDNN": "torch.backends.cudnn.fp32_precision = 'ieee'",
}
"""Settings of releases from 2.9 on."""

PROGRAM = """
import json, os, sys, torch
from archcalc.verification.environment import flags
from archcalc.verification.precision import exactly, has_operations

READ = ["cudnn.allow_tf32", "cuda.matmul.allow_tf32", "cudnn.deterministic", "cudnn.benchmark", "cudnn.enabled"]
READ += ["fp32_precision", "cudnn.fp32_precision", "cudnn.conv.fp32_precision", "cudnn.rnn.fp32_precision",
         "cuda.matmul.fp32_precision"] * has_operations()

def read():
    found = {}
    for name in READ:
        try:
            found[name] = eval("torch.backends." + name)
        except RuntimeError:
            found[name] = "contradicts"
    try:
        return found | {"products": torch.get_float32_matmul_precision()}
    except RuntimeError:
        return found | {"products": "contradicts"}

for name, statement in json.loads(sys.argv[1]).items():
    if os.fork() == 0:
        exec(statement)
        before = read()
        with exactly(deterministic=True):
            within = read()
        print(json.dumps([name, before, within, read(), flags("cuda")]), flush=True)
        os._exit(0)
    os.wait()
"""
"""Each setting in a process of its own: how the first was before is no longer known after the second."""


def has_newer() -> bool:
    return hasattr(torch._C, "_set_fp32_precision_setter")


@pytest.fixture(scope="module")
def found() -> dict[str, list[Any]]:
    """For each setting: what torch says before, within and after; and the flags that a certificate names."""
    settings = SETTINGS | (NEWER if has_newer() else {})
    command = [sys.executable, "-c", PROGRAM, json.dumps(settings)]
    lines = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout.splitlines()
    rows = {name: rest for name, *rest in map(json.loads, lines)}
    assert rows.keys() == settings.keys()
    return rows


def test_float32_is_not_rounded(found: dict[str, list[Any]]) -> None:
    for name, (_, within, *_) in found.items():
        assert (within["cudnn.allow_tf32"], within["cuda.matmul.allow_tf32"]) == (False, False), name
        assert within["cudnn.deterministic"] is True
        if has_newer():
            operations = ("cudnn.conv", "cudnn.rnn", "cuda.matmul")
            assert {within[f"{each}.fp32_precision"] for each in operations} == {"ieee"}, name


def test_all_is_as_before_afterwards(found: dict[str, list[Any]]) -> None:
    assert {name: after for name, (_, _, after, _) in found.items()} == {name: row[0] for name, row in found.items()}


def test_a_certificate_says_what_is_rounded(found: dict[str, list[Any]]) -> None:
    said = {name: flags for name, (*_, flags) in found.items()}
    for flags in said.values():
        assert flags["time"] == "cudnn tf32 off, cudnn benchmark off, cudnn deterministic off, matmul tf32 off"
        assert flags["memory"] == "cudnn tf32 off, cudnn benchmark off, cudnn deterministic on, matmul tf32 off"
    rest = "cudnn benchmark off, cudnn deterministic off"
    assert said["nothing"]["real run"] == f"cudnn tf32 on, {rest}, matmul tf32 off"
    assert said["products, high"]["real run"] == f"cudnn tf32 on, {rest}, matmul tf32 on"
    assert said["convolutions, older"]["real run"] == f"cudnn tf32 off, {rest}, matmul tf32 off"
    if has_newer():
        assert said["all"]["real run"] == f"cudnn tf32 on, {rest}, matmul tf32 on"
