"""Compares the outputs of models of torchvision, timm and transformers with those of the modules generated from their
imports: `make corpus`.

Weights and inputs are random, in float64, at two sizes. The results are written to benchmarks/agreement.csv.
"""

import csv
import gc
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archcalc.core.diagnostic import SpecError
from archcalc.importing.agreement import agreement_of
from benchmarks.corpus import TRANSFORMERS
from benchmarks.operators import declared

RESULTS = Path(__file__).parent / "agreement.csv"

SMALL_PICTURES = """resnet18 mobilenet_v2 mobilenet_v3_small shufflenet_v2_x0_5 squeezenet1_1 efficientnet_b0
efficientnet_v2_s regnet_y_400mf densenet121 mnasnet0_5 convnext_tiny vgg11_bn swin_t swin_v2_t googlenet
fcn_resnet50 lraspp_mobilenet_v3_large deeplabv3_mobilenet_v3_large"""

VIDEOS = """r3d_18 mc3_18 r2plus1d_18 swin3d_t"""

TORCHVISION: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(SMALL_PICTURES.split(), (3, 64, 64)),
    **dict.fromkeys(VIDEOS.split(), (3, 8, 64, 64)),
    "inception_v3": (3, 96, 96),
    "vit_b_32": (3, 224, 224),
    "maxvit_t": (3, 224, 224),
    "mvit_v2_s": (3, 16, 224, 224),
    "raft_small": (3, 128, 128),
}
"""Models of torchvision with a small input that they take."""

TIMM = """skresnet18 res2net50_26w_4s dla34 hrnet_w18_small inception_v4 regnety_002 repvgg_a0 tresnet_m hardcorenas_a
convnextv2_atto vit_tiny_patch16_224 cait_xxs24_224 swin_s3_tiny_224 pvt_v2_b0 coat_tiny mobilevit_xxs
efficientvit_b0 edgenext_xx_small davit_tiny nest_tiny_jx crossvit_tiny_240 volo_d1_224 hiera_tiny_224 fastvit_t8
mambaout_femto tiny_vit_5m_224 halonet26t botnet26t_256 resnest14d gcresnet33ts mixnet_s ghostnet_100 rexnet_100 dpn68
cspresnet50 visformer_tiny levit_128s convit_tiny xcit_nano_12_p16_224 poolformer_s12 twins_svt_small efficientformer_l1
eva02_tiny_patch14_224 vit_relpos_small_patch16_224"""
"""Models of timm, at their own sizes."""


@dataclass(frozen=True)
class Result:
    """`sizes`: of the first input. `error`: the largest relative error of the outputs at these sizes."""

    library: str
    model: str
    sizes: str
    error: str
    cpu_seconds: float
    problem: str = ""


def models(library: str) -> Iterator[str]:
    yield from {"torchvision": TORCHVISION, "timm": TIMM.split(), "transformers": TRANSFORMERS}[library]


def built(library: str, name: str) -> tuple[nn.Module, dict[str, Tensor], dict[str, Tensor]]:
    """A model with its inputs, by position and by name."""
    if library == "torchvision":
        from torchvision import models as found  # lazy: only in the environment of the corpus

        given: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        if name in found.list_models(module=found.segmentation):
            given["weights_backbone"] = None
        inputs = {"x": example(TORCHVISION[name])}
        if name.startswith("raft"):
            inputs["y"] = example(TORCHVISION[name])
        return found.get_model(name, **given), inputs, {}
    if library == "timm":
        import timm  # lazy: only in the environment of the corpus

        model = timm.create_model(name)
        return model, {"x": example(model.default_cfg["input_size"])}, {}
    import transformers  # lazy: only in the environment of the corpus

    kind, given, shapes = TRANSFORMERS[name]
    config = getattr(transformers, kind)(**given)
    named = {key: example(shape, key.endswith("ids")) for key, shape in shapes.items()}
    return getattr(transformers, name)(config), {}, named


def example(shape: tuple[int, ...], is_ids: bool = False) -> Tensor:
    return torch.empty((1, *shape), dtype=torch.int64 if is_ids else torch.float32, device="meta")


def compared(library: str, name: str) -> Result:
    begin = time.process_time()
    sizes = error = why = ""
    try:
        model, inputs, keywords = built(library, name)
        found = agreement_of(model.eval(), inputs, keywords)
        sizes = " ".join("x".join(map(str, size)) for size in found.errors)
        error = f"{max(found.errors.values()):.1e}"
        why = "" if found.holds else "the outputs differ"
    except SpecError as raised:
        first = raised.diagnostics[0]
        why = f"{first.code}: {first.message} {first.location or ''}"[:200]
    except Exception as raised:  # a model that its own library cannot build or run
        why = f"{type(raised).__name__}: {raised}"[:200]
    return Result(library, name, sizes, error, round(time.process_time() - begin, 1), why)


def main(wanted: Sequence[str]) -> None:
    """`wanted`: libraries, or models as `library:name`, whose rows alone are printed and not written."""
    warnings.simplefilter("ignore")
    declared()
    torch.set_num_threads(1)
    results = []
    for library in ("torchvision", "timm", "transformers"):
        for name in models(library):
            if not wanted or library in wanted or f"{library}:{name}" in wanted:
                results.append(compared(library, name))
                print(*astuple(results[-1]), flush=True)
                gc.collect()
    print(f"{sum(not each.problem for each in results)} of {len(results)} agree")
    if wanted:
        return
    with RESULTS.open("w", newline="") as file:
        rows = csv.writer(file)
        versions = (
            f"{each} {sys.modules[each].__version__}" for each in ("torch", "torchvision", "timm", "transformers")
        )
        rows.writerow([f"# {', '.join(versions)}"])
        rows.writerow([each.name for each in fields(Result)])
        rows.writerows(astuple(each) for each in results)


if __name__ == "__main__":
    main(sys.argv[1:])
