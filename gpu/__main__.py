"""`python -m gpu run`, `python -m gpu replay`: see docs/gpu.md."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from archcalc.command import MISSING
from archcalc.core.extra import MissingExtra
from archcalc.graph.loading import load
from archcalc.measures.params import params
from archcalc.spec.zoo import bundled
from archcalc.verification.certificate import differences, unpainted
from archcalc.verification.certificate import line as row_line
from archcalc.verification.network import device_of
from gpu.archive import Archive
from gpu.plan import NETWORKS, plan, short_plan
from gpu.replay import certificates, replayed
from gpu.runner import Run, run


def main(arguments: Sequence[str] | None = None) -> int:
    given = parsed(arguments)
    return {"run": running, "replay": replaying, "certificates": extracting}[given.action](given)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gpu", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("run", help="run the plan, and write an archive")
    one.add_argument("--out", type=Path, default=Path("gpu-run"), help="the folder of the archive")
    one.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: in the GPU's place")
    one.add_argument("--minutes", type=float, default=8.0, help="how long it may take in all")
    one.add_argument("--short", action="store_true", help="every kind of part, on small networks")
    one.add_argument("--list", action="store_true", help="print the parts and their limits, and run nothing")
    two = actions.add_parser("replay", help="compare an archive with today's predictions")
    two.add_argument("files", type=Path, nargs="+", help="volumes, or .json.gz files of them")
    three = actions.add_parser("certificates", help="write the certificates of an archive to a folder")
    three.add_argument("folder", type=Path)
    three.add_argument("files", type=Path, nargs="+")
    return parser.parse_args(arguments)


def running(given: argparse.Namespace) -> int:
    parts = list(short_plan() if given.short else plan(smallest_first()))
    if given.list:
        print("\n".join(f"{part.limit:5.0f} s  {part.name}" for part in parts))
        return 0
    try:
        device = device_of(given.device)
    except MissingExtra as missing:
        print(f"error: {missing}", file=sys.stderr)
        return MISSING
    left = run(parts, Run(device, Archive(given.out), 60 * given.minutes, say))
    say(f"{len(left)} of {len(parts)} parts left for another run" if left else "all parts are in the archive")
    return 0


def say(text: str) -> None:
    print(text, flush=True)


def smallest_first() -> Iterator[str]:
    """The bundled networks that are not in the plan already, by their parameters."""
    planned = {each.partition(" ")[0] for each in NETWORKS.values()}
    return iter(sorted((name for name in bundled() if name not in planned), key=parameters_of))


def parameters_of(name: str) -> int:
    return sum(map(params, load(name)))


def replaying(given: argparse.Namespace) -> int:
    """Prints what disagrees; 1 if anything does."""
    wrong = count = 0
    for each in replayed(*given.files):
        if each.error:
            say(f"{each.part.name}: {each.error.strip().splitlines()[-1]}")
        bad = [row for row in each.rows if row.agrees is False]
        count, wrong = count + sum(row.agrees is not None for row in each.rows), wrong + len(bad)
        for row in bad:
            say("\n".join([f"{each.part.name}", *row_line(row, unpainted), *differences(row)]))
    say(f"{count - wrong} of {count} comparisons agree")
    return 1 if wrong else 0


def extracting(given: argparse.Namespace) -> int:
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, text in certificates(given.files):
        (given.folder / f"{name}.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
