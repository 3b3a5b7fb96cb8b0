"""fvcore as the oracle of its convention: it counts the generated source of a network.

    pip install --no-deps fvcore==0.1.5.post20221221 iopath portalocker yacs tabulate termcolor tqdm
    python -m tests.measures.fvcore_oracle resnet50 "input(8, 13, 11) -> layernorm"

prints rows for tests/data/fvcore.csv.
"""

import csv
import importlib
import logging
import sys
import warnings
from typing import Any

from torch import Tensor, nn

from archcalc.codegen import generate
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain
from archcalc.verification.trace import Running
from tests.networks.zoo import network


def graph_of(name: str) -> Graph:
    """A bundled network, or a chain."""
    return build(document_of_chain(name)) if "->" in name else network(name)


def counted(module: nn.Module, inputs: list[Tensor]) -> int:
    """What fvcore counts for a module. Raises ModuleNotFoundError if fvcore is not installed."""
    fvcore: Any = importlib.import_module("fvcore.nn")
    analysis = fvcore.FlopCountAnalysis(module, tuple(inputs))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(analysis.total())


def counted_in(graph: Graph) -> int:
    """What fvcore counts for the generated source of a network."""
    running = Running(generate(graph), graph, "cpu")
    return counted(running.module, running.inputs())


def unseen(graph: Graph) -> int:
    """What it does not see of the generated source: means, which it counts if they are a module."""
    means = (node.inputs[0] for node in graph if node.layer.name == "global_avgpool")
    return sum(x.numel for x in means if x.rank == 2)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for name in sys.argv[1:]:
        rows.writerow((name, counted_in(graph_of(name))))
        sys.stdout.flush()
