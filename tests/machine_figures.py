"""Memory of small networks as this machine takes it, to be kept in data/machines.json beside other machines' figures.

    python -m tests.machine_figures "AMD EPYC (Zen 4)"

writes this machine's figures in place of those of the same name there.
"""

import json
import sys
from pathlib import Path
from typing import Any

from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain

FILE = Path(__file__).parent / "data" / "machines.json"

CHAINS = (
    "input(6, 7) -> tokens -> lstm(20, num_layers=2, dropout=0.5) -> fc(9) -> softmax",
    "input(6, 7) -> tokens -> lstm(20, bidirectional=true) -> lstm(8, returns=last) -> fc(3)",
    "input(6, 7) -> tokens -> lstm(20, num_layers=3, bidirectional=true, bias=false) -> fc(3)",
    "input(6, 7) -> tokens -> lstm(20, num_layers=2, returns=state) -> fc(3)",
    "input(6, 7) -> tokens -> lstm(20, num_layers=2, proj_size=3) -> fc(3)",
    "input(6, 7) -> tokens -> gru(20, num_layers=2) -> gru(8, bidirectional=true, returns=last) -> fc(3)",
    "input(6, 7) -> tokens -> rnn(20) -> fc(3)",
    "input(3, 9, 9) -> conv(3, 8, p1) -> batchnorm -> relu -> maxpool(2) -> fc(3)",
    "input(8, 6) -> tokens -> attention(2) -> layernorm -> fc(3)",
)
"""LSTMs, which differ by machine, and others, which do not."""

DTYPES = ("float32", "bfloat16")
BATCHES = (1, 3)


def graphs() -> dict[str, Graph]:
    """Every case by its name."""
    return {
        f"{chain}, batch {batch}, {dtype}": build(document_of_chain(chain), batch=batch, dtype=dtype)
        for chain in CHAINS
        for batch in BATCHES
        for dtype in DTYPES
    }


def recorded() -> dict[str, dict[str, Any]]:
    """By the machine's name: the processor, the release of torch, and of every case what was measured."""
    kept: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return kept


def record(processor: str) -> None:
    import torch  # lazy: 1 s, and predictions are compared with records without it

    from archcalc.verification.processor import machine_here
    from tests.memory.footprints import measured

    torch.manual_seed(0)
    made = {
        "processor": processor,
        "torch": torch.__version__,
        "command": "python -m tests.machine_figures",
        "figures": {name: measured(graph) for name, graph in graphs().items()},
    }
    kept = (recorded() if FILE.exists() else {}) | {machine_here().name: made}
    FILE.write_text(written(kept), encoding="utf-8")


def written(kept: dict[str, dict[str, Any]]) -> str:
    """A case to a line."""
    parts = []
    for name, made in kept.items():
        about = [f"  {json.dumps(key)}: {json.dumps(made[key])}" for key in ("processor", "torch", "command")]
        cases = ",\n".join(f"   {json.dumps(case)}: {json.dumps(found)}" for case, found in made["figures"].items())
        parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(about) + f',\n  "figures": {{\n{cases}\n  }}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    record(sys.argv[1])
