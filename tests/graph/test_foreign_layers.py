"""Names of other frameworks: none is a layer here, and every layer that is suggested exists."""

import re
from pathlib import Path

import pytest
from torch import nn

import archcalc.layers  # noqa: F401  it makes them known
from archcalc import load_text
from archcalc.core.diagnostic import SpecError, bared, closest
from archcalc.graph.foreign_layers import BLOCKS, MEANINGS, NONE, meaning_of, part_of
from archcalc.layer import known_names, layer_named

KERAS = """
    Add AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D BatchNormalization
    Bidirectional CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D ConvLSTM2D Cropping1D
    Cropping2D Dense DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling2D GroupNormalization GroupQueryAttention Identity
    InputLayer LSTM Lambda LayerNormalization LeakyReLU Masking MaxPool2D MaxPooling2D Maximum Minimum
    MultiHeadAttention Multiply Normalization PReLU Permute RepeatVector Rescaling Reshape SeparableConv2D SimpleRNN
    Softmax SpatialDropout2D SpectralNormalization Subtract TimeDistributed UnitNormalization UpSampling2D ZeroPadding2D
"""
"""Layers of Keras 3: keras.io/api/layers."""

ABBREVIATIONS = """
    bn ln gn in mha mlp ffn noop conv1x1 conv3x3 conv2d_1x1 dwconv sepconv gmp se squeeze_excite swiglu geglu upscale
    zeropad l2norm hswish residual shortcut patch_embed cls_token rotary alibi moe dropconnect aspp fpn blurpool mean
    sum max std split chunk view permute squeeze sign floor tan
"""
"""Words of papers and of user code."""

WORDS_OF_THE_FIELD = """
    last last_token pooler cls head neck backbone stem encoder lm_head logits scores out up down shuffle patchify
    unpatchify tokenize random_crop rot90 color_jitter pointwise atrous transposed_conv deformable cost_volume warp
    roi_pool attention_pool attentive_pooling statistics_pooling sync_bn frozen_bn AdaIN standardize minibatch_std act
    leaky gate highway gumbel cosine distance euclidean dot_product inner_product outer_product kronecker gram_matrix
    add_n fft rfft stft mfcc spectrogram nms anchors unique msa mqa cross_attn nonlocal retention posenc router noise
    stop_gradient detach checkpoint remat reparameterize sampling skip_connection mse ctc crf FPN BiFPN mamba ssm gcn
    GATConv capsule routing codebook vector_quantize RevIN
"""
"""Words that are spelt like some layer, or like none: `cosine` and `scores` are not `cos`."""

SPECS = Path(__file__).parents[2] / "specs"

STRUCTURE = {"DataParallel", "Module", "ModuleDict", "ParameterDict", "ParameterList", "RNNBase", "RNNCellBase"}
"""Classes of torch that are no layers."""


@pytest.mark.parametrize("name", MEANINGS)
def test_no_foreign_name_is_a_layer(name: str) -> None:
    assert layer_named(name) is None
    assert meaning_of(name) == MEANINGS[name]


@pytest.mark.parametrize("text", sorted(set(MEANINGS.values())))
def test_what_is_to_be_written_exists(text: str) -> None:
    called = re.findall(r"(?<![a-z0-9_])([a-z_][a-z0-9_]*)(?:\(|: \[)", text)
    assert set(called) - {"layer"} <= set(known_names())
    said = ("write", "leave it out", "specs show", "are numbers", "divide", "to length 1", "losses")
    assert text.startswith(NONE) or any(each in text for each in said)


def test_specs_that_show_a_block_are_bundled() -> None:
    assert set(BLOCKS) <= {spec.stem for spec in SPECS.glob("*.yaml")}


def modules_of_torch() -> list[str]:
    found = [name for name, each in vars(nn).items() if isinstance(each, type) and issubclass(each, nn.Module)]
    return sorted(set(found) - STRUCTURE)


def without_rank(name: str) -> str:
    return bared(name).removeprefix("lazy").removesuffix("d").rstrip("123")


@pytest.mark.parametrize(
    "name", [*modules_of_torch(), *KERAS.split(), *ABBREVIATIONS.split(), *WORDS_OF_THE_FIELD.split()]
)
def test_a_word_of_others_is_explained_and_is_no_misspelling(name: str) -> None:
    same = [known for known in known_names() if without_rank(known) == without_rank(name)]
    assert same or meaning_of(name) or part_of(name), f"the help would be: did you mean {closest(name, known_names())}?"


def test_a_name_of_the_spec_comes_before_the_name_of_a_part() -> None:
    """`encoder` is a word of the field, and here a misspelt block."""
    with pytest.raises(SpecError) as refused:
        load_text("archcalc: 1\ninput: [8]\nblocks: {encoders(): [relu]}\nlayers: [encoder]\n")
    assert refused.value.diagnostics[0].help == "did you mean 'encoders'?"


def test_near_spellings_of_layers_are_not_foreign() -> None:
    assert [name for name in known_names() if meaning_of(name)] == []
