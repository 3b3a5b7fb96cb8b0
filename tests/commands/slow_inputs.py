"""More random small files that might take long: many inputs whose sizes depend on one another, and joins of thousands.

Sizes of inputs that follow from others are found by building a network again and again; a join of n values is asked for
each of them.
"""

import random
from pathlib import Path

PRIMES = (2, 3, 5, 7, 11, 13)
MOST_BYTES = 10_000


def inputs(pick: random.Random) -> str:
    """Many inputs, of one size, of halves, of ratios that agree now and then, or in symbols."""
    k = pick.choice([2, 10, 40, 150])
    names = [f"x{i}" for i in range(k)]
    kind = pick.choice(["alike", "pyramid", "ratios", "symbols"])
    sizes = {
        "alike": ["[3, 32, 32]"] * k,
        "pyramid": [f"[3, {max(4096 >> i, 1)}]" for i in range(k)],
        "ratios": [f"[3, {60 * PRIMES[i % 6]}]" for i in range(k)],
        "symbols": [f"[3, T{i} // {i + 1} - {pick.randrange(9)}]" for i in range(k)],
    }[kind]
    paths = [f"{name} -> maxpool({PRIMES[i % 6]})" for i, name in enumerate(names)] if kind == "ratios" else names
    head = "input: {" + ", ".join(f"{name}: {size}" for name, size in zip(names, sizes, strict=True)) + "}\n"
    return head + pick.choice([
        f"layers:\n  - {pick.choice(['add', 'mul', 'maximum'])}: [{', '.join(paths)}]\n",
        f"layers:\n  - {{concat: [{', '.join(paths)}], axis: {pick.choice(['height', 'length'])}}}\n  - relu\n",
        f"layers:\n  - concat: [{', '.join(f'{each} -> gap -> flatten' for each in names)}]\n",
        "layers:\n  - x0\n" + "".join(f"  - maxpool(2)\n  - add: [prev, {name}]\n" for name in names[1:13]),
        "layers:\n  - x0 -> f = fc(4)\n" + "".join(f"  - {name} -> f()\n" for name in names[1:]),
    ])  # fmt: skip


def sizes(pick: random.Random) -> str:
    """One input, whose size is a long expression."""
    k = pick.choice([2, 9, 40, 150])
    some = pick.choice([
        "*".join(f"T{i}" for i in range(k)),
        "+".join(f"T//{i + 2}" for i in range(k)),
        "+".join(f"T%{i + 2}" for i in range(k)),
        "(" + "+".join(f"T{i}" for i in range(min(k, 9))) + f")**{min(k, 9)}",
        "max(" * k + "T" + "".join(f", T//{i + 2} + {i})" for i in range(k)),
        f"T // 997 * 1009 - T // {pick.choice([30_011, 99_991])}",
    ])  # fmt: skip
    return f"input: [3, {some}]\nlayers: [relu, conv(3, 4), maxpool({pick.choice(PRIMES)})]\n"


def joins(pick: random.Random) -> str:
    n, join = pick.choice([30, 300, 3000]), pick.choice(["add", "concat", "mul", "maximum", "stack"])
    return "input: [3, 64, 64]\nlayers:\n" + pick.choice([
        f"  - a = relu * {n}\n  - j = {join}: [a.*]\n",
        f"  - a = b * {n}\n  - j = {join}: [a.*.c]\nblocks:\n  b: [c = relu]\n",
        f"  - a = relu * {n}\n  - j = {{concat: [a.*], axis: height}}\n",
        f"  - a = relu * {n}\n  - j = {join}: [a.*, a.*, a.*]\n",
        f"  - a = conv(1, 3) * {n}\n  - j = {join}: [a.*]\n",
    ])  # fmt: skip


COMMANDS = (
    "report", "check", "formula", "formula --of training_peak", "formula --free H,W,N --of training_peak",
    "solve --for T", "solve --for H", "solve --for T0", "report --free H", "report --whole", "report --train",
    "report --set H=64", "report --format html", "sweep --over H=8..64:8 --min macs", "generate", "draw", "explain j",
    "explain add1", "explain concat1", "diff",
)  # fmt: skip


def written(seed: int, folder: Path) -> list[str]:
    """The arguments of a command on a file that is written to the folder."""
    pick = random.Random(f"inputs {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "file.yaml"
    file.write_text(("archcalc: 1\n" + pick.choice([inputs, inputs, sizes, joins])(pick))[:MOST_BYTES])
    name, *options = pick.choice(COMMANDS).split()
    return [name, str(file), *([str(file)] if name == "diff" else options)]
