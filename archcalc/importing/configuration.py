"""Configurations of Hugging Face: `config.json` becomes the spec of its family, with its numbers.

The file of families/ that is called like the `model_type` writes the spec. Neither torch nor transformers is needed.
"""

import importlib
from collections.abc import Mapping
from typing import Any, TypeVar

from archcalc.core.catalogue import modules_in
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean, enumerated, problem
from archcalc.importing import families
from archcalc.importing.checkpoint import json_object
from archcalc.spec.document import readable
from archcalc.spec.reader import MAX_BYTES

T = TypeVar("T", int, float, bool, str)

FAMILIES = tuple(modules_in(families.__path__))

LARGEST = 1 << 31

INERT = frozenset((
    "_attn_implementation", "_attn_implementation_autoset", "_flash_attn_2_enabled", "_name_or_path",
    "_num_labels", "activation_dropout", "architectures", "attention_dropout", "attention_probs_dropout_prob",
    "attention_softmax_in_fp32", "attn_pdrop", "auto_map", "bad_words_ids", "begin_suppress_tokens",
    "bias_dropout_fusion", "bos_token_id", "cache_implementation", "chunk_size_feed_forward",
    "classifier_dropout", "classifier_dropout_prob", "cls_token_id", "decoder_layerdrop",
    "decoder_start_token_id", "diversity_penalty", "do_sample", "dropout", "dropout_rate", "dtype",
    "early_stopping", "embd_pdrop", "embedding_dropout", "encoder_layerdrop", "encoder_no_repeat_ngram_size",
    "encoder_stride", "eos_token_id", "exponential_decay_length_penalty", "ff_factor", "finetuning_task",
    "forced_bos_token_id", "forced_decoder_ids", "forced_eos_token_id", "full_attn_mod",
    "gradient_checkpointing", "hidden_dropout", "hidden_dropout_prob", "id2label", "ignore_index", "init_std",
    "initializer_factor", "initializer_range", "interpolate_factor", "label2id", "layerdrop", "length_penalty",
    "mask_token_id", "masked_softmax_fusion", "max_length", "max_sequence_length", "max_window_layers",
    "min_length", "model_type", "n_ctx", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
    "num_return_sequences", "offset_alibi", "output_attentions", "output_hidden_states", "output_past",
    "output_router_logits", "output_scores", "pad_token_id", "prefix", "pretraining_tp", "problem_type",
    "qa_dropout", "remove_invalid_values", "reorder_and_upcast_attn", "repetition_penalty", "resid_pdrop",
    "return_dict", "return_dict_in_generate", "router_aux_loss_coef", "router_jitter_noise", "sep_token_id",
    "seq_classif_dropout", "seq_length", "skip_bias_add", "skip_bias_add_qkv", "sliding_window_size",
    "slow_but_exact", "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type",
    "summary_use_proj", "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss",
    "tie_weights_", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript", "transformers_version",
    "typical_p", "unk_token_id", "unsloth_fixed", "unsloth_version", "use_bfloat16", "use_cache", "xla_device",
))  # fmt: skip
"""Fields of training, of generation and of files, which change no layer."""


class Configuration:
    """The fields of a file. It remembers which were read, so that others can be said."""

    def __init__(self, path: str, fields: Mapping[str, Any]) -> None:
        self.path, self.fields = path, fields
        self.read: set[str] = set()
        self.findings: list[Diagnostic] = []
        self.parts: dict[str, Configuration] = {}

    def inner(self, name: str) -> "Configuration":
        """A configuration inside of this one; an empty one if it is missing."""
        self.read.add(name)
        fields = self.fields.get(name)
        if fields is not None and not isinstance(fields, dict):
            raise self.wrong(name, "is no configuration")
        return self.parts.setdefault(name, Configuration(f"{self.path}, {name}", fields or {}))

    def get(self, name: str, default: T) -> T:
        """A field of the type of its default; the default if it is missing or null."""
        self.read.add(name)
        value = self.fields.get(name)
        if value is None:
            return default
        kind = type(default)
        if kind is float and type(value) is int and abs(value) < LARGEST:
            value = float(value)
        if type(value) is not kind:
            raise self.wrong(name, f"is no {WORDS[kind]}")
        if type(value) is int and not 0 < value < LARGEST:
            raise self.wrong(name, f"lies outside of 1 to {LARGEST:,}")
        found: T = value
        return found

    def given(self, name: str) -> int | None:
        """A number that need not be there."""
        self.read.add(name)
        return self.get(name, 1) if self.fields.get(name) is not None else None

    def only(self, name: str, value: T, why: str) -> None:
        """A field that archcalc knows with one value alone."""
        if self.get(name, value) != value:
            raise self.wrong(name, f"is not described: {why}")

    def beside(self, name: str, why: str) -> None:
        """A field that changes values and no totals; said if it is there."""
        self.read.add(name)
        if self.fields.get(name) not in (None, False, {}, [], 0, 1.0):
            self.warn(f"'{name}' is left out: {why}")

    def rope(self, default: float) -> float:
        """The base of rotary positions, which newer files have in `rope_parameters`."""
        self.read |= {"rope_parameters", "rope_scaling", "rope_theta"}
        inner = self.fields.get("rope_parameters")
        inner = inner if isinstance(inner, dict) else {}
        scaled = self.fields.get("rope_scaling")
        scaled = scaled if isinstance(scaled, dict) else {}
        kind = inner.get("rope_type") or scaled.get("rope_type") or scaled.get("type")
        if kind not in (None, "", "default"):
            self.warn(f"the scaling '{str(kind)[:20]}' of rotary positions is left out: it changes angles, no totals")
        return Configuration(self.path, {"rope_theta": inner.get("rope_theta", self.fields.get("rope_theta"))}).get(
            "rope_theta", default
        )

    def rope_of(self, kind: str, older: str, default: float) -> float:
        """The base of rotary positions of one kind of layers; `older`: the field that files had for it before."""
        self.read |= {"rope_parameters", "rope_theta", "rope_scaling", "rope_local_base_freq"}
        parameters = self.fields.get("rope_parameters")
        inner = parameters.get(kind) if isinstance(parameters, dict) else None
        if isinstance(inner, dict):
            return Configuration(self.path, {"rope_parameters": inner}).rope(default)
        return self.get(older, default) if older else self.rope(default)

    def act(self, name: str, default: str) -> str:
        """An activation, as a spec writes it."""
        word = self.get(name, default)
        if word not in ACTIVATIONS:
            raise self.wrong(name, f"is not known; use one of {enumerated(ACTIVATIONS)}")
        return ACTIVATIONS[word]

    @property
    def architecture(self) -> str:
        """The class of transformers that the file is of; empty if it does not say."""
        found = self.fields.get("architectures")
        return str(found[0]) if isinstance(found, list) and found else ""

    @property
    def labels(self) -> int:
        """The number of classes."""
        self.read |= {"id2label", "num_labels"}
        labels = self.fields.get("id2label")
        return len(labels) if isinstance(labels, dict) and labels else self.get("num_labels", 2)

    def wrong(self, name: str, why: str) -> SpecError:
        return problem("AC546", f"{self.path}: '{name}' {why}", notes=[f"it is {str(self.fields.get(name))[:60]}"])

    def warn(self, message: str) -> None:
        self.findings.append(Diagnostic(code="AC545", message=f"{self.path}: {message}", severity="warning"))

    def unread(self) -> list[str]:
        """The fields that nothing has read and that may change the network."""
        left = (name for name in self.fields if name not in self.read | INERT)
        mine = [name for name in left if self.fields[name] not in (None, False, {}, [])]
        return [*mine, *(f"{name}.{each}" for name, part in self.parts.items() for each in part.unread())]


WORDS = {int: "whole number", float: "number", bool: "true or false", str: "word"}

ACTIVATIONS = {
    "silu": "silu", "swish": "silu", "gelu": "gelu", "gelu_new": "gelu(tanh)", "gelu_pytorch_tanh": "gelu(tanh)",
    "gelu_fast": "gelu(tanh)", "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid",
}  # fmt: skip


def spec_of(path: str) -> tuple[str, tuple[Diagnostic, ...]]:
    """The text of the spec, and what of the configuration it leaves out. Raises SpecError if it is not known."""
    with readable(path) as file:
        fields = json_object(path, file.read(MAX_BYTES + 1))
    kind = fields.get("model_type")
    name = kind.replace("-", "_") if isinstance(kind, str) else ""
    if name not in FAMILIES:
        help = did_you_mean(name, FAMILIES) or f"the families are {', '.join(FAMILIES)}"
        raise problem("AC547", f"{path}: the family '{str(kind)[:40]}' is not known", help=help)
    config = Configuration(path, fields)
    text: str = importlib.import_module(f"archcalc.importing.families.{name}").spec(config)
    config.beside("quantization_config", "parameters are counted as numbers, however many bits each one has")
    if left := config.unread():
        many = "fields" if len(left) > 1 else "field"
        config.warn(f"unknown {many} {enumerated(left)}: the network may be another one")
    return text, tuple(config.findings)
