"""Published design spaces: the numbers of the papers, from sweeps."""

import math
import random

import pytest

import archcalc

# Sandler et al. 2018, arXiv:1801.04381, figure 5; the numbers are those of tensorflow/models,
# research/slim/nets/mobilenet/README.md: width, millions of parameters, and for sizes 224, 192, 160, 128, 96 of MACs.
MOBILENET_V2 = {
    "1.4": (6.06, {224: 582}),
    "1.3": (5.34, {224: 509}),
    "1": (3.47, {224: 300, 192: 221, 160: 154, 128: 99, 96: 56}),
    "0.75": (2.61, {224: 209, 192: 153, 160: 107, 128: 69, 96: 39}),
    "0.5": (1.95, {224: 97, 192: 71, 160: 50, 128: 32, 96: 18}),
    "0.35": (1.66, {224: 59, 192: 43, 160: 30, 128: 20, 96: 11}),
}


def test_the_grid_of_mobilenet_v2() -> None:
    """All 22 published networks. Their parameters leave out the weights of batch norm: as many as buffers are there,
    without the counters."""
    over = {"width": MOBILENET_V2, "H=W": (96, 128, 160, 192, 224)}
    rows = archcalc.sweep("mobilenet_v2", over, columns="macs, params - buffers").rows()
    found = {(str(row["width"]), row["H"]): row for row in rows}
    for width, (params, macs) in MOBILENET_V2.items():
        for size, expected in macs.items():
            row = found[width, size]
            assert row["macs"] // 10**6 == expected
            assert round(row["params - buffers"] / 10**6, 2) == params


# Tan and Le 2019, arXiv:1905.11946, table 2: variant, millions of parameters, billions of FLOPs (here MACs); the sizes
# are those of the paper's code.
EFFICIENTNET = {
    "B1": ("1", "1.1", 240, 7.8, 0.70),
    "B2": ("1.1", "1.2", 260, 9.2, 1.0),
    "B3": ("1.2", "1.4", 300, 12, 1.8),
    "B4": ("1.4", "1.8", 380, 19, 4.2),
    "B5": ("1.6", "2.2", 456, 30, 9.9),
    "B6": ("1.8", "2.6", 528, 43, 19),
    "B7": ("2", "3.1", 600, 66, 37),
}


def test_the_compound_scaling_of_efficientnet() -> None:
    designs = [{"width": w, "depth": d, "size": s} for w, d, s, _, _ in EFFICIENTNET.values()]
    rows = archcalc.sweep("efficientnet", designs=designs, columns="params, macs").rows()
    for row, (_, _, _, params, flops) in zip(rows, EFFICIENTNET.values(), strict=True):
        assert row["params"] / 10**6 == pytest.approx(params, rel=0.02)
        assert row["macs"] / 10**9 == pytest.approx(flops, rel=0.05)


def test_the_papers_choice_is_on_the_grid_of_efficientnet() -> None:
    """alpha 1.2, beta 1.1, gamma 1.15, of which alpha * beta^2 * gamma^2 is 1.92."""
    where = "100 * depth * width**2 * size**2 >= 190 * 224**2 and 100 * depth * width**2 * size**2 <= 210 * 224**2"
    over = {"depth": "1..1.4:0.1", "width": "1..1.2:0.05", "size": (224, 235, 246, 258)}
    rows = archcalc.sweep("efficientnet", over, where=where).rows()
    assert {"depth": "1.2", "width": "1.1", "size": 258} in [{name: row[name] for name in over} for row in rows]
    assert 0 < len(rows) < 30


# Brown et al. 2020, arXiv:2005.14165, table 2.1 (layers, width, heads) and table D.1 (millions of parameters, and
# training FLOPs as 6 per parameter and token, of 300 billion tokens). The width of 13B is printed as 5140.
GPT3 = {
    "Small": (12, 768, 12, 125, 2.25e20),
    "Medium": (24, 1024, 16, 356, 6.41e20),
    "Large": (24, 1536, 16, 760, 1.37e21),
    "XL": (24, 2048, 16, 1320, 2.38e21),
    "2.7B": (32, 2560, 32, 2650, 4.77e21),
    "6.7B": (32, 4096, 32, 6660, 1.20e22),
    "13B": (40, 5120, 40, 12850, 2.31e22),
    "175B": (96, 12288, 96, 174600, 3.14e23),
}


def test_the_shapes_of_gpt3() -> None:
    """Parameters and 6ND to the printed digits; the last printed digit of millions can be rounded to tens."""
    designs = [{"depth": depth, "w": w, "heads": heads} for depth, w, heads, _, _ in GPT3.values()]
    found = archcalc.sweep("gpt2", designs=designs, settings={"context": "2048"}, columns="params, 6 * 300 * params")
    for row, (*_, millions, flops) in zip(found.rows(), GPT3.values(), strict=True):
        assert row["params"] / 10**6 == pytest.approx(millions, rel=0.0035)
        assert row["6 * 300 * params"] * 1e9 == pytest.approx(flops, rel=0.006)


def test_the_shape_of_gpt3_spends_its_budget() -> None:
    """Of all shapes with heads of 128, the one with most parameters at 6ND = 3.143e23."""
    over = {"heads": range(1, 161), "w": range(128, 20481, 128), "depth": range(4, 129, 4)}
    where = "w == 128 * heads and 6 * 300 * params <= 314.3T"
    best = archcalc.sweep("gpt2", over, settings={"context": "2048"}, where=where, maximise="params").rows()[0]
    assert (best["depth"], best["w"], best["heads"]) == (96, 12288, 96)


def stages(depth: int, w0: int, wa: float, wm: float, group: int) -> list[tuple[int, int]]:
    """The width and depth of each stage: Radosavovic et al. 2020, arXiv:2003.13678, equations 2 to 4."""
    steps = [round(math.log((w0 + wa * j) / w0) / math.log(wm)) for j in range(depth)]
    widths = [8 * round(w0 * wm**step / 8) for step in steps]
    widths = [min(group, w) * round(w / min(group, w)) for w in widths]
    return [(w, widths.count(w)) for w in sorted(set(widths))]


# The models of table 8 (w0, wa, wm, group), as in the paper's code, with GFLOPs (here MACs) and millions of parameters.
REGNET_X = {
    "400MF": (22, 24, 24.48, 2.54, 16, 0.4, 5.2),
    "800MF": (16, 56, 35.73, 2.28, 16, 0.8, 7.3),
    "1.6GF": (18, 80, 34.01, 2.25, 24, 1.6, 9.2),
    "3.2GF": (25, 88, 26.31, 2.25, 48, 3.2, 15.3),
    "8.0GF": (23, 80, 49.56, 2.88, 120, 8.0, 39.6),
    "16GF": (22, 216, 55.59, 2.1, 128, 15.9, 54.3),
    "32GF": (23, 320, 69.86, 2.0, 168, 31.7, 107.8),
}


def design_of(found: list[tuple[int, int]], group: int) -> dict[str, object]:
    widths = {f"widths[{i}]": w for i, (w, _) in enumerate(found)}
    return {**widths, **{f"depths[{i}]": d for i, (_, d) in enumerate(found)}, "group": group}


def test_the_published_regnets() -> None:
    designs = [design_of(stages(*each[:5]), each[4]) for each in REGNET_X.values()]
    rows = archcalc.sweep("regnet_x", designs=designs, columns="macs, params").rows()
    for row, (*_, gflops, millions) in zip(rows, REGNET_X.values(), strict=True):
        assert round(row["macs"] / 10**9, 1) == gflops
        assert round(row["params"] / 10**6, 1) == millions


REGIMES = (200, 400, 600, 800, 1600, 3200, 4000, 6400, 8000, 12000, 16000, 32000)
"""The regimes of table 8 in millions of FLOPs; a design is in one if it is at most a tenth below it."""


def test_500_sampled_regnets_within_the_regimes() -> None:
    """Sampled as in section 3.3 of the paper, within the bounds of section 4; every one is a valid network."""
    source = random.Random(0)
    designs: list[dict[str, object]] = []
    while len(designs) < 2500:
        group = source.choice([1, 2, 4, 8, 16, 32])
        w0, wa = (math.exp(source.uniform(math.log(8), math.log(256))) for _ in range(2))
        found = stages(source.randint(12, 28), 8 * round(w0 / 8), wa, source.uniform(2, 3), group)
        if len(found) == 4:
            designs.append(design_of(found, group))
    rows = archcalc.sweep("regnet_x", designs=designs, columns="macs, params")
    assert not rows.tally.invalid
    counts = [sum(0.9 * regime <= row["macs"] / 10**6 <= regime for row in rows.rows()) for regime in REGIMES]
    assert sum(counts) >= 500
    assert min(counts) > 0
