"""Specs of users who mean something else than they write, by what they ask."""

from collections.abc import Mapping

CHAPTERS: Mapping[str, tuple[str, ...]] = {
    "Paths that are not there": (
        """
params: {wide: false}
input: [3, 8, 8]
layers:
  - conv(3, 4, p1)
  - concat: [prev, conv(3, 4, p1) if wide]
$ archcalc report net.yaml --columns type,output
$ archcalc report net.yaml --columns type,output --set wide=true
""",
        """
params: {wide: false}
input: [3, 8, 8]
layers:
  - add: [conv(1, 3) if wide, conv(3, 3, p1) if wide]
$ archcalc check net.yaml
""",
        """
input: [3, 8, 8]
layers:
  - add: [prev, []]
$ archcalc check net.yaml
""",
    ),
    "A name in front of a longer chain": (
        """
input: [3, 32, 32]
layers:
  - e1 = conv(3, 16, p1) -> relu -> conv(3, 16, p1) -> relu
  - maxpool(2) -> conv(3, 32, p1) -> upsample(2)
  - concat: [prev, e1]
$ archcalc check net.yaml
""",
    ),
    "Where the features stand": (
        """
$ archcalc check -e "input(224, 224, 3) -> conv(3, 32, p1) -> relu -> gap -> fc(10)"
$ archcalc check -e "input(20, 16) -> gru(32)"
$ archcalc check -e "input(64, 100) -> linear(8)"
""",
        """
input: {x: {shape: [20, 16], channels_last: true}}
layers: [gru(32)]
$ archcalc report net.yaml --columns output,params
""",
    ),
    "Which number comes first": (
        """
$ archcalc check -e "input(3, 128, 128) -> conv2d(32, 3) -> relu -> gap -> fc(10)"
""",
    ),
    "Sizes that fit another network": (
        """
$ archcalc solve vit_b16 --for H --near 230
$ archcalc solve -e "input(1, 28, 28) -> conv(5, 8) -> maxpool(4) -> conv(5, 8) -> maxpool(4) -> fc(10)" --for H
""",
    ),
    "Numbers that are inferred": (
        """
$ archcalc check -e "input(1, 28, 28) -> maxpool(2) -> flatten -> linear(10, in_features=200)"
$ archcalc check -e "input(3, 8, 8) -> conv(3, 8, in_channels=4)"
$ archcalc check -e "input(3, 8, 8) -> batchnorm(num_features=4)"
$ archcalc check -e "input(8, 5) -> tokens -> lstm(6, input_size=7)"
""",
    ),
    "Words that an argument does not take": (
        """
$ archcalc check -e "input(2, 200) -> conv(5, 5, d2, padding=causal)"
$ archcalc check -e "input(256, 7, 7) -> upconv(5, 128, s2, padding=same)"
$ archcalc check -e "input(256, 7, 7) -> upconv(5, 128, s2, padding=SAME)"
$ archcalc check -e "input(256, 7, 7) -> upconv(5, 128, s2, padding=same_upper)"
$ archcalc check -e "input(3, 8, 8) -> resize(16, mode=cubic)"
$ archcalc check -e "input(3, 16, 16) -> conv2d(64, 3)"
$ archcalc check -e "input(3, 8, 8) -> upsample(2, mode=bicubic)"
$ archcalc check -e "input(3, 8, 8) -> pad(1, mode=symmetric)"
$ archcalc check -e "input(3, 8, 8) -> conv(4, 8, padding=same)"
""",
    ),
    "Branches that do not meet": (
        """
input: [64, 56, 56]
layers:
  - add: [conv(3, 64, s2, p1) -> relu -> conv(3, 64, p1), prev]
$ archcalc check net.yaml
""",
        """
input: [64, 56, 56]
layers:
  - add: [conv(3, 128, p1), prev]
$ archcalc check net.yaml
""",
        """
input: [64, 56, 56]
layers:
  - add: [conv(3, 64), prev]
$ archcalc check net.yaml
""",
        """
input: [1, 33, 33]
layers:
  - a = conv(3, 8, p1)
  - maxpool(2) -> conv(3, 8, p1) -> upsample(2)
  - concat: [prev, a]
$ archcalc check net.yaml
""",
    ),
    "Layers of other frameworks": (
        """
$ archcalc check -e "input(3, 8, 8) -> view(-1, 192)"
$ archcalc check -e "input(3, 8, 8) -> reshape(8, 8, 3)"
$ archcalc check -e "input(3, 8, 8) -> Dense(10)"
$ archcalc check -e "input(3, 8, 8) -> normalize"
$ archcalc check -e "input(3, 8, 8) -> separable_conv(3, 16)"
$ archcalc check -e "input(3, 8, 8) -> transformer_block(8)"
$ archcalc check -e "input(3, 8, 8) -> GlobalAveragePooling2D"
$ archcalc check -e "input(3, 8, 8) -> con(3, 16)"
""",
    ),
    "Other sizes, other budgets": (
        """
$ archcalc report lenet5 --input 3,64
$ archcalc report lenet5 --input picture=1,64,64
$ archcalc report lenet5 --set K=3
$ archcalc solve llama3 --for T --where "kv_cache_bytes_per_token <= 1GB"
""",
    ),
    "Layers from which nothing can be learned": (
        """
$ archcalc check -e "input(3, 8, 8) -> conv(3, 1) -> layernorm"
$ archcalc check -e "input(8) -> fc(3) -> softmax -> log_softmax"
$ archcalc check -e "input(3, 8, 8) -> conv(3, 4, p1) -> instance_norm -> relu -> gap -> fc(3)"
$ archcalc check -e "input(8) -> fc(8) -> identity -> fc(3)"
$ archcalc check -e "input(8) -> fc(8) -> relu -> fc(3) -> dropout(0.5)"
$ archcalc check -e "input(8) -> fc(8) -> relu -> fc(3) -> relu"
$ archcalc check -e "input(8) -> fc(8) -> relu -> layernorm -> rmsnorm -> fc(3)"
$ archcalc check -e "input(3, 8, 8) -> conv(3, 8) -> relu -> gap -> batchnorm -> fc(3)"
""",
        """
input: [8]
layers:
  - a = fc(8)
  - add: [a, a]
  - relu -> fc(3)
$ archcalc check net.yaml
""",
    ),
}
