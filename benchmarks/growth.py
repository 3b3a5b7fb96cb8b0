"""The time to read, build and measure a spec in process, and its growth with the number of layers."""

import gc
import statistics
import time

from archcalc import load_text
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import receptive_fields

ROUNDS = 5
SIZES = (1_000, 10_000)


def chain(layers: int) -> str:
    """A spec with this many layers, one convolution with its activation per line."""
    lines = ["archcalc: 1", "name: chain", "input: [3, 64, 64]", "layers:"]
    return "\n".join([*lines, *("  - conv(3, 64, p1) -> relu" for _ in range(layers // 2))])


def analyse(text: str) -> float:
    """Seconds to read, parse, build and measure."""
    begin = time.perf_counter()
    graph = load_text(text)
    for measure in MEASURES.values():
        measure.total(graph)
    receptive_fields(graph)
    return time.perf_counter() - begin


def main() -> None:
    texts = {layers: chain(layers) for layers in SIZES}
    analyse(texts[SIZES[0]])
    rounds = []
    for _ in range(ROUNDS):
        gc.collect()
        rounds.append({layers: analyse(text) for layers, text in texts.items()})
    small, large = (statistics.median(each[layers] for each in rounds) for layers in SIZES)
    print(f"in process, median of {ROUNDS} rounds: read, parse, build, measure")
    print(f"{1000 * small:9.1f} ms  {SIZES[0]:,} layers")
    print(f"{1000 * large:9.1f} ms  {SIZES[1]:,} layers: {large / small:.1f} times as long")


if __name__ == "__main__":
    main()
