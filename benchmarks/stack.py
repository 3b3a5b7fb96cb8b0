"""A stack of more than 100 billion parameters, in a separate process: predictions, and what autograd saves.

The feed-forward halves of a transformer with the width and depth of GPT-3 (Brown et al. 2020, arXiv:2005.14165, table
2.1), on the patches of an image. It has no attention: on the meta device torch uses attention's math path, which saves
the scores, unlike the CPU. Everything else is saved in the same way.
"""

import json
import resource
import sys
import time
from pathlib import Path

from archcalc import generate, load_text
from archcalc.memory import optimizers  # noqa: F401  every optimizer registers itself
from archcalc.memory.footprint import footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup

SPEC = """
archcalc: 1
name: Stack
params: {w: 12288, depth: 96}
input: [3, 224, 224]
blocks:
  block:
    - add:
        - layernorm -> fc(4 * x.channels, act=gelu) -> fc(x.channels)
        - prev
layers:
  - conv(16, w, stride=16) -> tokens -> position_embedding
  - block * depth
  - layernorm -> select(0) -> fc(1000)
"""

STATUS = Path("/proc/self/status")
"""Linux's status file of this process."""


def predicted() -> dict[str, float]:
    """The predicted bytes, and the seconds from text to figures."""
    begin = time.perf_counter()
    found = footprint_of(load_text(SPEC), TrainingSetup(optimizer=read_optimizer("adamw")))
    return {
        "seconds": time.perf_counter() - begin,
        "parameters": found.parameters // 4,
        "saved": sum(found.saved.values()),
        "inference": found.inference.live,
        "training": found.training.live,
        "iteration": found.iteration,
    }


def measured() -> dict[str, float]:
    """The bytes that autograd saves on meta, and the seconds from text to figures, including loading torch."""
    begin = time.perf_counter()
    from archcalc.verification.memory.saved import saved  # lazy: torch, 2 s; a prediction does not need it
    from archcalc.verification.trace import Running

    graph = load_text(SPEC)
    running = Running(generate(graph), graph, "meta")
    kept = saved(running, running.inputs()).total
    parameters = sum(each.numel() for each in running.module.parameters())
    return {"seconds": time.perf_counter() - begin, "parameters": parameters, "saved": kept}


def rss() -> int:
    """The peak memory of this program, in bytes.

    On Linux, `getrusage` includes memory from before `exec`, which is the parent's.
    """
    if STATUS.exists():
        [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        return 1024 * int(line.split()[1])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


if __name__ == "__main__":
    ours = {**predicted(), "rss": rss()}
    print(json.dumps({"predicted": ours, "measured": {**measured(), "rss": rss()}}))
