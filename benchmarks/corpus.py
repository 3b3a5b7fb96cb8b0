"""Imports the models of torchvision, timm and transformers, and compares every total with torch's: `make corpus`.

It needs an environment of its own; nothing else in this project needs these libraries. The results, with the versions,
are written to benchmarks/corpus.csv.
"""

import csv
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.diagnostic import SpecError
from archcalc.importing.building import without_storage
from archcalc.importing.from_code import inside
from archcalc.importing.imported import CPU, META, imported
from archcalc.importing.network import Imported
from archcalc.measure import MEASURES
from benchmarks.operators import declared

RESULTS = Path(__file__).parent / "corpus.csv"

TIMM = """resnet50 seresnet50 skresnet18 res2net50_26w_4s dla34 densenet121 efficientnet_b0 tf_efficientnetv2_s
mobilenetv2_100 mobilenetv4_conv_small fbnetc_100 hrnet_w18_small inception_resnet_v2 nasnetalarge nfnet_f0 regnety_002
repvgg_a0 tresnet_m hardcorenas_a convnextv2_atto vit_tiny_patch16_224 deit3_small_patch16_224 beitv2_base_patch16_224
cait_xxs24_224 swin_tiny_patch4_window7_224 swin_s3_tiny_224 pvt_v2_b0 tnt_s_legacy_patch16_224 coat_tiny
maxvit_pico_rw_256 mobilevit_xxs efficientformer_l1 efficientvit_b0 edgenext_xx_small caformer_s18 davit_tiny
nest_tiny_jx gmlp_s16_224 crossvit_tiny_240 volo_d1_224 hiera_tiny_224 fastvit_t8 repghostnet_050 starnet_s1
mambaout_femto tiny_vit_5m_224 naflexvit_base_patch16_gap halonet26t botnet26t_256"""
"""One model of each family."""

MORE = """resnext50_32x4d wide_resnet50_2 ecaresnet50d resnest14d gcresnet33ts regnetx_002 regnetz_b16
efficientnet_lite0 mnasnet_100 mixnet_s spnasnet_100 mobilenetv3_small_100 tinynet_a lcnet_050
ghostnet_100 rexnet_100 xception41 inception_v4 dpn68 ese_vovnet19b_dw cspresnet50 cspdarknet53 darknet53
convnext_atto convmixer_768_32 mixer_s16_224 resmlp_12_224 visformer_tiny levit_128s convit_tiny
xcit_nano_12_p16_224 pit_ti_224 poolformer_s12 twins_svt_small eva02_tiny_patch14_224
vit_relpos_small_patch16_224 gcvit_xxtiny focalnet_tiny_srf inception_next_tiny repvit_m1"""
"""Forty more of timm, which no rule of lowering was written for."""

NEW = """ghostnetv2_100 hgnetv2_b0 mobileone_s0 mobilevitv2_050 mvitv2_tiny pnasnet5large rdnet_tiny resnetv2_50
selecsls42 semnasnet_075 sequencer2d_s shvit_s1 swiftformer_xs swinv2_tiny_window8_256 swinv2_cr_tiny_224 tf_mixnet_s
twins_pcpvt_small vgg11_bn vitamin_small_224 legacy_xception eca_botnext26ts_256 haloregnetz_b nf_resnet26
vit_small_r26_s32_224 nextvit_small poolformerv2_s12 convformer_s18 samvit_base_patch16 flexivit_small cs3darknet_s
efficientformerv2_s0 efficientnet_es fbnetv3_b gernet_s lambda_resnet26t mobilenetv1_100 resnetrs50 efficientvit_m0
coatnet_pico_rw_224 fasternet_t0"""
"""Forty of families that are in neither list."""

SMALL = dict(
    hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, vocab_size=100, use_cache=False
)  # fmt: skip
MODERN = {key: each for key, each in SMALL.items() if key != "use_cache"}
ENCODER_DECODER = dict(
    d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
    encoder_ffn_dim=128, decoder_ffn_dim=128, vocab_size=100, use_cache=False,
)  # fmt: skip
VISION = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, image_size=64)

TRANSFORMERS: dict[str, tuple[str, dict[str, Any], dict[str, tuple[int, ...]]]] = {
    "BertForMaskedLM": ("BertConfig", SMALL, {"input_ids": (16,)}),
    "RobertaForMaskedLM": ("RobertaConfig", SMALL, {"input_ids": (16,)}),
    "DistilBertForMaskedLM": (
        "DistilBertConfig", dict(dim=64, n_layers=2, n_heads=4, hidden_dim=128, vocab_size=100), {"input_ids": (16,)},
    ),
    "ElectraForMaskedLM": ("ElectraConfig", {**SMALL, "embedding_size": 32}, {"input_ids": (16,)}),
    "AlbertForMaskedLM": ("AlbertConfig", {**SMALL, "embedding_size": 32}, {"input_ids": (16,)}),
    "GPT2LMHeadModel": (
        "GPT2Config", dict(n_embd=64, n_layer=2, n_head=4, vocab_size=100, use_cache=False), {"input_ids": (16,)},
    ),
    "GPTNeoXForCausalLM": ("GPTNeoXConfig", SMALL, {"input_ids": (16,)}),
    "LlamaForCausalLM": ("LlamaConfig", {**SMALL, "num_key_value_heads": 2}, {"input_ids": (16,)}),
    "MistralForCausalLM": ("MistralConfig", {**SMALL, "num_key_value_heads": 2}, {"input_ids": (16,)}),
    "Qwen2ForCausalLM": ("Qwen2Config", {**SMALL, "num_key_value_heads": 2}, {"input_ids": (16,)}),
    "Gemma2ForCausalLM": ("Gemma2Config", {**SMALL, "num_key_value_heads": 2, "head_dim": 16}, {"input_ids": (16,)}),
    "Phi3ForCausalLM": ("Phi3Config", {**SMALL, "pad_token_id": 0}, {"input_ids": (16,)}),
    "T5ForConditionalGeneration": (
        "T5Config",
        dict(d_model=64, d_kv=16, d_ff=128, num_layers=2, num_heads=4, vocab_size=100, use_cache=False),
        {"input_ids": (16,), "decoder_input_ids": (12,)},
    ),
    "BartForConditionalGeneration": (
        "BartConfig", ENCODER_DECODER, {"input_ids": (16,), "decoder_input_ids": (12,)},
    ),
    "ViTForImageClassification": ("ViTConfig", VISION, {"pixel_values": (3, 64, 64)}),
    "BeitForImageClassification": ("BeitConfig", VISION, {"pixel_values": (3, 64, 64)}),
    "SwinForImageClassification": (
        "SwinConfig",
        dict(embed_dim=32, depths=[2, 2], num_heads=[2, 4], window_size=4, image_size=64),
        {"pixel_values": (3, 64, 64)},
    ),
    "SegformerForSemanticSegmentation": ("SegformerConfig", {}, {"pixel_values": (3, 128, 128)}),
    "ResNetForImageClassification": (
        "ResNetConfig",
        dict(embedding_size=16, hidden_sizes=[16, 32, 64, 128], depths=[1, 1, 1, 1]),
        {"pixel_values": (3, 64, 64)},
    ),
    "ConvNextForImageClassification": (
        "ConvNextConfig", dict(hidden_sizes=[16, 32, 64, 128], depths=[1, 1, 2, 1]), {"pixel_values": (3, 64, 64)},
    ),
    "Wav2Vec2ForCTC": (
        "Wav2Vec2Config",
        dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128),
        {"input_values": (8000,)},
    ),
    "BertForSequenceClassification": ("BertConfig", SMALL, {"input_ids": (16,)}),
    "DebertaV2ForSequenceClassification": (
        "DebertaV2Config",
        {**SMALL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "pad_token_id": None},
        {"input_ids": (16,)},
    ),
    "ModernBertForMaskedLM": ("ModernBertConfig", {**MODERN, "pad_token_id": 0}, {"input_ids": (16,)}),
    "MixtralForCausalLM": (
        "MixtralConfig", {**SMALL, "num_key_value_heads": 2, "num_local_experts": 4}, {"input_ids": (16,)},
    ),
    "MambaForCausalLM": (
        "MambaConfig",
        dict(hidden_size=64, num_hidden_layers=2, vocab_size=100, state_size=8, use_cache=False),
        {"input_ids": (16,)},
    ),
    "CLIPModel": ("CLIPConfig", {}, {"input_ids": (16,), "pixel_values": (3, 224, 224)}),
    "OPTForCausalLM": (
        "OPTConfig",
        dict(
            hidden_size=64, num_hidden_layers=2, num_attention_heads=4, ffn_dim=128, vocab_size=100,
            word_embed_proj_dim=64, use_cache=False,
        ),
        {"input_ids": (16,)},
    ),
    "BloomForCausalLM": (
        "BloomConfig", dict(hidden_size=64, n_layer=2, n_head=4, vocab_size=100, use_cache=False), {"input_ids": (16,)},
    ),
    "FalconForCausalLM": ("FalconConfig", SMALL, {"input_ids": (16,)}),
    "GemmaForCausalLM": ("GemmaConfig", {**SMALL, "num_key_value_heads": 2, "head_dim": 16}, {"input_ids": (16,)}),
    "Qwen3ForCausalLM": ("Qwen3Config", {**SMALL, "num_key_value_heads": 2, "head_dim": 16}, {"input_ids": (16,)}),
    "GPTJForCausalLM": (
        "GPTJConfig",
        dict(n_embd=64, n_layer=2, n_head=4, rotary_dim=8, vocab_size=100, use_cache=False),
        {"input_ids": (16,)},
    ),
    "MPNetForMaskedLM": ("MPNetConfig", MODERN, {"input_ids": (16,)}),
    "PegasusForConditionalGeneration": (
        "PegasusConfig", ENCODER_DECODER, {"input_ids": (16,), "decoder_input_ids": (12,)},
    ),
    "Dinov2ForImageClassification": (
        "Dinov2Config",
        dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=64, patch_size=16),
        {"pixel_values": (3, 64, 64)},
    ),
    "HubertForCTC": (
        "HubertConfig",
        dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128),
        {"input_values": (8000,)},
    ),
    "WhisperForConditionalGeneration": (
        "WhisperConfig",
        {**ENCODER_DECODER, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1},
        {"input_features": (80, 3000), "decoder_input_ids": (12,)},
    ),
}  # fmt: skip
"""Small configurations of transformers: the class of each, its arguments, and the inputs of the model."""


@dataclass(frozen=True)
class Result:
    """`exact`: parameters and MACs are torch's. `opaque`: operations without a layer. `lines`: of its spec."""

    library: str
    model: str
    exact: bool
    readable: bool
    opaque: int
    lines: int
    params: int
    macs: int
    cpu_seconds: float
    problem: str = ""


def models(library: str) -> Iterator[tuple[str, Any]]:
    """The models of a library by name, each as a function that builds it with its inputs."""
    if library == "torchvision":
        from torchvision import models as found  # lazy: only in the environment of the corpus

        kinds = (found, found.segmentation, found.video)
        yield from ((name, of_torchvision) for kind in kinds for name in found.list_models(module=kind))
        yield from ((name, of_flow) for name in found.list_models(module=found.optical_flow))
        boxes = found.list_models(module=found.detection)
        yield from ((name, of_detection) for name in boxes)
        yield from ((f"{name}.backbone", of_backbone) for name in boxes)
    elif library == "timm":
        yield from ((name, of_timm) for name in (*TIMM.split(), *MORE.split(), *NEW.split()))
    else:
        yield from ((name, of_transformers) for name in TRANSFORMERS)


def of_torchvision(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    from torchvision import models as found  # lazy: only in the environment of the corpus

    given: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name in found.list_models(module=found.segmentation):
        given["weights_backbone"] = None
    shape: tuple[int, ...] = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    if name in found.list_models(module=found.video):
        shape = (3, 16, 224, 224) if name.startswith(("mvit", "s3d")) else (3, 16, 112, 112)
    return built(lambda: found.get_model(name, **given)), {"x": example(shape)}


def of_flow(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    """Two pictures."""
    from torchvision import models as found  # lazy: only in the environment of the corpus

    return built(lambda: found.get_model(name)), {"first": example((3, 128, 128)), "second": example((3, 128, 128))}


def of_detection(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """With values: these models decide by them. One picture in a list."""
    from torchvision import models as found  # lazy: only in the environment of the corpus

    torch.manual_seed(0)
    model: nn.Module = found.get_model(name, weights=None, weights_backbone=None)
    return model.eval().requires_grad_(False), {"images": [torch.rand(3, 224, 224)]}


def of_backbone(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """The part of such a model that needs no values, on the shapes that it gets there."""
    model, inputs = of_detection(name.removesuffix(".backbone"))
    found, given, _ = inside(model, "backbone", inputs, {})
    return found.to("meta"), {key: example(tuple(each.shape[1:])) for key, each in given.items()}


def of_timm(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    import timm  # lazy: only in the environment of the corpus

    model = built(lambda: timm.create_model(name))
    return model, {"x": example(model.default_cfg["input_size"])}


def of_transformers(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    import transformers  # lazy: only in the environment of the corpus

    kind, given, inputs = TRANSFORMERS[name]
    config = getattr(transformers, kind)(**given)
    model = built(lambda: getattr(transformers, name)(config))
    return model, {key: example(shape, key.endswith("ids")) for key, shape in inputs.items()}


def built(make: Any) -> nn.Module:
    """A model without values, where its constructor reads none."""
    model: nn.Module = without_storage(make)
    return model.eval().requires_grad_(False)


def example(shape: tuple[int, ...], is_ids: bool = False) -> Tensor:
    return torch.empty((1, *shape), dtype=torch.int64 if is_ids else torch.float32, device="meta")


def measured(library: str, name: str, build: Any) -> Result:
    try:
        model, inputs = build(name)
        begin = time.process_time()
        by_name = library == "transformers"
        run_on = META if all(isinstance(each, Tensor) for each in inputs.values()) else CPU
        found = imported(model, {} if by_name else inputs, inputs if by_name else {}, name, run_on=run_on)
        spent = time.process_time() - begin
        return compared(library, name, model, inputs, found, spent)
    except SpecError as error:
        first = error.diagnostics[0]
        return Result(library, name, False, False, 0, 0, 0, 0, 0.0, f"{first.code}: {first.message}"[:150])
    except Exception as error:  # a model that its own library cannot build or run
        return Result(library, name, False, False, 0, 0, 0, 0, 0.0, f"{type(error).__name__}: {error}"[:150])


def compared(
    library: str, name: str, model: nn.Module, inputs: dict[str, Tensor], found: Imported, spent: float
) -> Result:
    """The totals of the graph beside those of torch for one sample; parameters that nothing reads are left out."""
    counter = FlopCounterMode(display=False)
    learned = sum(each.numel() for each in model.parameters())
    with_values = not all(isinstance(each, Tensor) for each in inputs.values())
    model = model if with_values else model.to("meta")  # also its constants
    with torch.no_grad():
        try:
            with counter:
                model(**inputs) if library == "transformers" else model(*inputs.values())
        except RuntimeError:  # it reads values: it runs on zeros of the processor, with attention as single products
            model = model.to_empty(device="cpu")
            zeros = {key: torch.zeros_like(each, device="cpu") for key, each in inputs.items()}
            counter = FlopCounterMode(display=False)
            with sdpa_kernel(SDPBackend.MATH), counter:
                model(**zeros) if library == "transformers" else model(*zeros.values())
    idle = sum(found.program.stored[each].numel for each in found.program.idle)
    params, macs = (MEASURES[each].total(found.graph) for each in ("params", "macs"))
    expected = learned - idle, counter.get_total_flops() // 2
    return Result(
        library,
        name,
        (params, macs) == expected,
        not found.why_flat,
        sum(step.kind == "opaque" for step in found.lowered.steps),
        found.lines,
        int(params),
        int(macs),
        round(spent, 2),
    )


def written(results: Sequence[Result], versions: str) -> None:
    with RESULTS.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([f"# {versions}"])
        rows.writerow([each.name for each in fields(Result)])
        rows.writerows(astuple(each) for each in results)


def main(wanted: Sequence[str]) -> None:
    """`wanted`: libraries, or models as `library:name`, whose rows take the place of those that are written already."""
    warnings.simplefilter("ignore")
    declared()
    results: list[Result] = []
    libraries = list(dict.fromkeys(each.partition(":")[0] for each in wanted))
    for library in libraries:
        mine = []
        for name, build in models(library):
            if library not in wanted and f"{library}:{name}" not in wanted:
                continue
            mine.append(measured(library, name, build))
            print(*astuple(mine[-1]), flush=True)
        results += mine
        lines = sorted(each.lines for each in mine if each.readable)
        print(
            f"{library}: {sum(each.exact for each in mine)} of {len(mine)} exact, "
            f"{sum(each.exact and not each.opaque for each in mine)} without opaque, "
            f"{len(lines)} readable, median {lines[len(lines) // 2] if lines else 0} lines"
        )
    versions = [f"{each} {sys.modules[each].__version__}" for each in ("torch", *libraries)]
    if libraries == list(wanted):
        written(results, ", ".join(versions))
    else:
        replaced(results)


def replaced(results: Sequence[Result]) -> None:
    """Writes rows in place of those of the same models."""
    lines = RESULTS.read_text().splitlines()
    new = {(each.library, each.model): each for each in results}
    with RESULTS.open("w", newline="") as file:
        rows = csv.writer(file)
        for row in csv.reader(lines):
            found = new.pop((row[0], row[1]), None) if len(row) > 1 else None
            rows.writerow(row if found is None else astuple(found))
        rows.writerows(astuple(each) for each in new.values())


if __name__ == "__main__":
    main(sys.argv[1:] or ["torchvision", "timm", "transformers"])
