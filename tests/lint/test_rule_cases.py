"""What rules find and what they let pass, case by case: near misses stand beside what they are near to.

A case is a spec whose reported lines end in `# <-`, as in a rule's own examples.
"""

import re
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Source
from archcalc.core.window import TransposedWindow
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph, Input, Node
from archcalc.graph.loading import load_text
from archcalc.layer import LAYERS
from archcalc.lint.linting import Selection, findings_of
from archcalc.lint.rule import RULES, Design, example_spec
from archcalc.lint.rules.checkerboard import even
from archcalc.measure import MEASURES
from archcalc.spec.document import read_document
from tests.networks.zoo import network, references
from tests.verification.test_random_networks import Network, networks

CASES: dict[str, Sequence[str]] = {
    "AR101": [
        "- conv: {kernel_size: 3, out_channels: 8}  # <-\n- batchnorm",
        "input: [3, 64]\nlayers:\n- conv(5, 8)  # <-\n- batchnorm -> relu",
        "- flatten\n- fc(64)  # <-\n- batchnorm",
        "- upconv(4, 8, s2, p1)  # <-\n- batchnorm",
        "blocks:\n  b(c):\n    - conv(3, c)  # <-\n    - batchnorm\nlayers: [b(8) * 3]",
        "- conv(3, 8, norm=batchnorm, bias=true)  # <-",
        "- conv(3, 8)  # <-\n- instance_norm -> relu",
        "- conv(3, 8)  # <-\n- identity -> identity -> batchnorm",
        "- conv(3, 8) -> dropout -> batchnorm",
        "- conv(3, 8, norm=batchnorm)",
        "input: [1, 8, 8, 8]\nlayers:\n- conv(3, 8, g1)  # <-\n- batchnorm",
        # the mean of a channel leaves biases that differ from position to position, or from channel to channel
        "- locally_connected(3, 8)\n- batchnorm",
        "- conv(3, 8) -> layernorm",
        "- conv(3, 8) -> relu -> batchnorm",
        # somebody else reads it, or runs it again, without a norm
        "- c = conv(3, 8)\n- batchnorm\n- concat: [c, prev]",
        "- c = conv(3, 3, p1)\n- batchnorm -> c() -> relu",
        "- conv(3, 8, bias=false) -> batchnorm",
        "- batchnorm -> batchnorm",
    ],
    "AR102": [
        "- flatten -> fc(512)\n- fc(256)  # <-",
        "- conv(3, 32)\n- conv(1, 64)  # <-",
        "input: [8, 100]\nlayers:\n- conv(1, 16)\n- conv(3, 64)  # <-\n- relu",
        "input: [16, 64]\nlayers:\n- tokens -> fc(256)\n- fc(64)  # <-",
        "- flatten -> fc(512) -> dropout\n- fc(256)  # <-",
        "- conv(1, 32) -> identity -> batchnorm\n- conv(1, 64)  # <-",
        "- flatten -> fc(512) -> dropout -> relu -> fc(256)",
        "- conv(1, 32) -> batchnorm\n- conv(1, 64)  # <-",
        "- conv(3, 32)\n- fc(10)  # <-",
        # factorised: fewer parameters than the one layer that they are
        "- conv(3, 64) -> relu -> conv(3, 64, p1, g64) -> conv(1, 64)",
        "- flatten -> fc(8) -> fc(512)",
        "- conv(3, 64) -> relu -> conv(3, 64, s2) -> conv(3, 64)",
        "- flatten -> fc(512) -> relu -> fc(256)",
        # another one reads the first
        "- flatten -> a = fc(256)\n- fc(256)\n- add: [a, prev]",
    ],
    "AR103": [
        "- conv(3, 8) -> relu -> conv(3, 8) -> tanh\n- relu  # <-",
        "input: [8]\nlayers:\n- fc(8) -> sigmoid\n- relu  # <-",
        "- conv(3, 8, act=relu)\n- relu6  # <-",
        "- conv(3, 8) -> relu -> conv(3, 8) -> relu",
        "- conv(3, 8) -> softmax -> relu -> dropout -> relu",
        # a gate beside what it gates
        "- conv(3, 8) -> relu\n- mul: [sigmoid, prev]",
    ],
    "AR104": [
        "input: [3]\nlayers:\n- fc(4)\n- softmax  # <-",
        "- conv(1, 4)\n- softmax  # <-",
        "- a = conv(1, 4)\n- fc(3)\n- s = softmax  # <-\noutputs: [a, s]",
        "- conv(1, 4) -> softmax -> conv(1, 4)",
        "- flatten -> fc(1) -> softmax",
    ],
    "AR105": [
        "- conv(1, 1)\n- softmax  # <-",
        "input: [7, 5]\nlayers:\n- tokens -> fc(1)\n- softmax  # <-",
        "- conv(1, 2) -> softmax",
        "- flatten -> fc(2) -> softmax -> fc(1)",
    ],
    "AR106": [
        "- add:  # <-\n    - conv(3, 8) -> relu\n    - conv(3, 8) -> relu",
        "- concat:  # <-\n    - conv(3, 8)\n    - conv((3, 3), 4)\n    - conv(3, 8)",
        "blocks:\n  b:\n    - conv(3, 8)\nlayers:\n- concat:  # <-\n    - b\n    - b",
        "- concat:\n    - conv(3, 8)\n    - conv(3, 9)",
        "- add: [prev, prev]",
        # one of them begins elsewhere, is needed twice, or gates the other
        ("- a = conv(3, 3, p1)\n- concat:\n    - conv(3, 8)\n"
        "    - {conv: {kernel_size: 3, out_channels: 8}, from: input}"),
        "- mul:\n    - conv(3, 8)\n    - conv(3, 8)",
        "- mul:\n    - conv(3, 8) -> sigmoid\n    - conv(3, 8) -> tanh",
    ],
    "AR107": [
        "- a = conv(3, 8)\n- b = conv(1, 4)  # <-\n- {relu: {}, from: a}",
        "- a = conv(3, 8)\n- relu\n- conv(3, 4) -> relu  # <-\n- {relu: {}, from: a}",
        "- a = conv(3, 8)\n- b = conv(1, 4)\n- relu\noutputs: [a, b, relu1]",
        # its weights are read, or its size
        "- a = conv(3, 8, s2, p1)\n- upconv(2, 3, s2) -> crop(like=a)",
    ],
    "AR108": [
        "input:\n  a: [3]\n  b: [4]  # <-\n  c: [5]  # <-\nlayers:\n- fc(2)",
        "input:\n  a: [3]\n  b: [3]\nlayers:\n- add: [a, b]",
        "input:\n  a: [3, 8, 8]\n  b: [3, 4, 4]\nlayers:\n- crop(like=b)",
    ],
    "AR109": [
        "- conv(3, 8) -> a = relu\n- add:\n    - conv(3, 8, p1)\n    - conv(1, 8) -> batchnorm  # <-",
        ("input: [8, 32]\nlayers:\n- conv(3, 8)\n- add:\n    - conv(1, 8)  # <-\n"
        "    - conv(3, 8, p1) -> relu -> conv(3, 8, p1)"),
        "- conv(3, 8) -> a = relu\n- add:\n    - conv(3, 16, p1)\n    - conv(1, 16)",
        "- conv(3, 8) -> a = relu\n- add:\n    - conv(3, 8, p1, s2)\n    - conv(1, 8, s2)",
        "- conv(3, 8) -> a = relu\n- add:\n    - conv(3, 8, p1)\n    - conv(1, 8) -> relu",
        # side by side it is a branch, not a shortcut
        "- conv(3, 8) -> a = relu\n- concat:\n    - conv(3, 8, p1)\n    - conv(1, 8)",
    ],
    "AR110": [
        "- flatten -> fc(4) -> softmax -> identity\n- softmax  # <-",
        "input: [7, 5]\nlayers:\n- tokens -> fc(4) -> softmax -> dropout\n- log_softmax  # <-",
        "- flatten -> fc(4) -> softmax -> fc(4) -> softmax",
        "- flatten -> fc(4) -> log_softmax",
    ],
    "AR111": [
        "- flatten -> fc(4)\n- dropout(0.1)  # <-\n- softmax",
        "- a = conv(3, 4)\n- b = dropout  # <-\n- gap -> fc(3)\noutputs: [b, fc1]",
        "- flatten -> fc(4) -> dropout -> fc(3)",
        "- flatten -> fc(4) -> dropout(0)",
        "- flatten -> fc(4) -> dropout -> relu",
    ],
    "AR112": [
        "- flatten -> fc(4)\n- relu  # <-\n- softmax",
        "- flatten -> fc(4) -> dropout\n- relu6  # <-",
        "- flatten -> fc(4) -> relu -> fc(3)",
        "- flatten -> fc(4) -> sigmoid",
        # features of an image, or of each position
        "- conv(3, 4) -> relu",
        "- conv(3, 4) -> tokens -> fc(3) -> relu",
    ],
    "AR113": [
        "- conv(3, 8) -> batchnorm -> identity\n- instance_norm  # <-",
        "input: [7, 5]\nlayers:\n- tokens -> layernorm\n- rmsnorm  # <-\n- fc(3)",
        "- conv(3, 8) -> batchnorm -> relu -> batchnorm",
        # another one reads the first
        "- conv(3, 8) -> a = batchnorm\n- layernorm\n- add: [a, prev]",
    ],
    "AR114": [
        "- conv(3, 8)\n- add: [prev, prev]  # <-",
        "- a = conv(3, 8)\n- b = relu\n- add: [a, b, a]  # <-",
        "- a = conv(3, 8)\n- b = relu\n- add: [a, b]",
        "- conv(3, 8)\n- mul: [prev, prev]",
        "- conv(3, 8)\n- concat: [prev, prev]",
    ],
    "AR201": [
        "input: [3, 7]\nlayers:\n- maxpool(2)  # <-",
        "input: [1, 4, 5, 6]\nlayers:\n- maxpool(2)  # <-",
        "input: [3, 8, 9]\nlayers:\n- maxpool((1, 2))  # <-",
        "- conv(5, 8, s2, d2)  # <-",
        "input: [3, 8]\nlayers:\n- maxpool(2)",
        "input: [3, 7]\nlayers:\n- maxpool(2, ceil_mode=true)",
        "- conv(3, 8, s2, p1)",
        "input: [3, 9, 8]\nlayers:\n- maxpool((1, 2))",
    ],
    "AR202": [
        "input: [3, 64, 64]\nlayers:\n- conv(8, 8, s4, p2)  # <-",
        "input: [3, 64, 64]\nlayers:\n- conv((3, 8), 8, stride=(2, 4))  # <-",
        "input: [3, 64, 64]\nlayers:\n- conv(4, 8, s4)",
        "input: [3, 64, 64]\nlayers:\n- conv(3, 8) -> conv(8, 8, s4)",
        "input: [1, 16000]\nlayers:\n- conv(10, 8, s5)",
        "input: [3, 64, 64]\nlayers:\n- maxpool(8, 4)",
    ],
    "AR203": [
        "input: [3, 32]\nlayers:\n- conv(1, 8, s2)  # <-",
        "input: [1, 8, 8, 8]\nlayers:\n- conv(2, 8, s3)  # <-",
        "- maxpool(1, 2)  # <-",
        "- conv((3, 1), 8, stride=(1, 2))  # <-",
        "- conv(2, 8, s2)",
        "- gap -> fc(3)",
        # there is nothing between the windows
        "input: [3, 1, 1]\nlayers:\n- conv(1, 8, s2)",
        "input: [3, 2]\nlayers:\n- conv(2, 8, s3)",
    ],
    "AR204": [
        "input: [3, 32]\nlayers:\n- conv(2, 8, p1)  # <-",
        "- conv((3, 4), 8, padding=(1, 2))  # <-",
        "- conv(2, 8, p1, d1) -> relu  # <-",
        "- conv(2, 8, p1, d2)",
        "- conv(4, 8, p1, s2)",
        "- conv(4, 8)",
        "- conv(4, 8, padding=same_upper)",
        "- maxpool(2, 1, p1)",
    ],
    "AR205": [
        "input: [3, 32]\nlayers:\n- avgpool(3, 2, p1)  # <-",
        "- avgpool: {kernel_size: 3, stride: 2, padding: 1}  # <-",
        "- maxpool(3, 2, p1)",
        "- avgpool(3, 2)",
        # it is stated, so it is meant
        "- avgpool(3, 2, p1, count_include_pad=true)",
        "- avgpool: {kernel_size: 3, padding: 1, count_include_pad: true}",
        "- avgpool:\n    kernel_size: 3\n    padding: 1\n    count_include_pad: true",
        "defaults: {avgpool: {count_include_pad: true}}\nlayers:\n- avgpool(3, 2, p1)",
    ],
    "AR206": [
        "input: [3, 33]\nlayers:\n- avgpool(3, 2)  # <-",
        "input: [1, 9, 9, 9]\nlayers:\n- maxpool(3, 2)  # <-",
        "- maxpool(3, 2, p1)  # <-",
        "input: [3, 9]\nlayers:\n- maxpool(5, 3, ceil_mode=true)  # <-",
        "- maxpool(3, 1, p1)",
        "- maxpool(3, 2)",
        "- maxpool(2)",
        "- conv(3, 8, s2, p1)",
    ],
    "AR207": [
        "input: [3, 8]\nlayers:\n- upconv(5, 4, s2)  # <-",
        "input: [3, 4, 4, 4]\nlayers:\n- upconv(3, 4, s2)  # <-",
        "- upconv((4, 3), 4, stride=(2, 2))  # <-",
        "- upconv(3, 4)",
        "- upconv(6, 4, s3)",
        "- conv(3, 4, s2)",
    ],
    "AR208": [
        "input: [28, 28, 1]  # <-\nlayers:\n- conv((3, 1), 8) -> relu -> flatten -> fc(10)",
        "input: [32, 24, 4]  # <-\nlayers:\n- relu -> conv(1, 8)",
        "input: [16, 112, 112, 3]  # <-\nlayers:\n- maxpool(2, ceil_mode=true)",
        "input:\n  a: [8]\n  b: [32, 32, 3]  # <-\nlayers:\n- concat:\n    - a\n    - b -> conv(3, 8) -> gap",
        # the same numbers in either order
        "input: [28, 28, 1]\nlayers:\n- flatten -> fc(10)",
        "input: [28, 28, 1]\nlayers:\n- fc(10)",
        "input: {x: {shape: [28, 28, 3], channels_last: true}}\nlayers:\n- channels_first -> conv(3, 8)",
        # maps deep inside a network, a sequence, a row
        "input: [256, 4, 4]\nlayers:\n- conv(3, 8)",
        "input: [512, 7, 1]\nlayers:\n- conv(1, 8)",
        "input: [100, 4]\nlayers:\n- conv(1, 8)",
        "input: [1, 28, 28]\nlayers:\n- conv(3, 8)",
    ],
    "AR209": [
        "- conv2d(16, 11, p1)  # <-",
        "input: [3, 100]\nlayers:\n- relu -> conv1d(64, 3, s2)  # <-",
        "- conv_transpose(32, 3, bias=false)  # <-",
        "params: {w: 32}\nlayers:\n- conv2d(w, 3)  # <-",
        "- conv2d(15, 3)",
        "- conv2d(16, 12)",
        "- conv2d(3, 32)",
        # its own names, by keyword, patches
        "- conv(32, 3)",
        "- conv2d(kernel_size=32, out_channels=3)",
        "- conv2d: {kernel_size: 32, out_channels: 3}",
        "input: [8, 4, 4]\nlayers:\n- conv_transpose(16, 3, s16)",
    ],
    "AR210": [
        "input: [1, 8, 8]\nlayers:\n- add: [prev, 'conv(3, 4, p1) -> relu']  # <-",
        "input: [1, 8, 8]\nlayers:\n- a = conv(1, 1)\n- b = conv(3, 4, p1)\n- add: [b, a]  # <-",
        # all have one channel, or the map is no shortcut, or it has no positions
        "input: [1, 8, 8]\nlayers:\n- add: [prev, 'conv(3, 1, p1)']",
        "input: {x: [4, 8, 8], noise: [1, 8, 8]}\nlayers:\n- add: [x -> conv(3, 4, p1), noise]",
        "- gap -> fc(1)\n- add: [prev, 'fc(8)']",
        "input: [1, 8, 8]\nlayers:\n- mul: [prev, 'conv(3, 4, p1)']",
    ],
    "AR211": [
        "input: [6, 4]\nlayers:\n- reshape(4, 6)  # <-",
        "input: [3, 8, 8]\nlayers:\n- reshape(8, 8, 3)  # <-",
        "input: [192]\nlayers:\n- reshape(4, 4, 12)  # <-",
        "input: [192]\nlayers:\n- reshape(4, 4, 12, features=last)",
        "input: [192]\nlayers:\n- reshape(12, 4, 4)",
        "input: [192]\nlayers:\n- reshape(8, 24)",
        "input: [3, 8, 8]\nlayers:\n- reshape(3, 64)",
        "input: [6, 4]\nlayers:\n- flatten -> reshape(4, 6)",
    ],
    "AR301": [
        "input: [3, 64]\nlayers:\n- conv(3, 8) -> relu\n- gap  # <-\n- fc(3)",
        "- conv(3, 8) -> relu\n- fc(10)  # <-",
        "params: {object_size: 8}\nlayers:\n- conv(3, 8) -> relu -> conv(3, 8) -> relu\n- gap  # <-\n- fc(10)",
        "params: {object_size: 5}\nlayers:\n- conv(3, 8) -> relu -> conv(3, 8) -> relu -> gap -> fc(10)",
        "- flatten -> fc(10)",
        "input: [3, 9]\nlayers:\n- conv(9, 8, p4) -> relu -> gap",
        # a gate beside the path, not its end
        "- conv(3, 8) -> a = relu\n- gap -> fc(8) -> g = sigmoid\n- mul: [a, g]",
    ],
    "AR302": [
        "input: [3, 8]\nlayers:\n- conv(3, 8, p1, s2) -> conv(17, 8, p8)\n- gap  # <-",
        "input: [3, 8, 8]\nlayers:\n- conv(7, 8, p12, d4) -> conv(7, 8, p12, d4) -> relu\n- gap  # <-",
        "input: [3, 8]\nlayers:\n- conv(31, 8, p15) -> gap",
        "input: [3, 8]\nlayers:\n- conv(3, 8, p1, s2) -> conv(17, 8, p8)",
    ],
    "AR303": [
        "- conv(3, 8, p1) -> a = relu\n- concat:  # <-\n    - conv(4, 8, padding=same_lower)\n    - prev",
        ("input: [3, 16]\nlayers:\n- conv(3, 4, p1) -> a = relu\n- add:  # <-\n"
        "    - conv(3, 4) -> pad(((0, 2),))\n    - prev"),
        # all look back from one element
        "input: [3, 16]\nlayers:\n- conv(3, 4, p1) -> a = relu\n- add:\n    - conv(3, 4) -> pad(((2, 0),))\n    - prev",
        "- conv(3, 8, p1) -> a = relu\n- concat:\n    - conv(5, 8, p2)\n    - prev",
        "- a = conv(3, 8, p1)\n- gap -> fc(8) -> g = sigmoid\n- mul: [a, g]",
    ],
    "AR304": [
        "input: [3, 64]\nlayers:\n- conv(3, 8, d2) -> relu -> conv(3, 8, d2) -> relu\n- conv(3, 8, d6)  # <-",
        "- conv(3, 8, d2) -> relu -> conv(1, 8) -> relu\n- conv(3, 8, d2)  # <-",
        "input: [1, 16, 16, 16]\nlayers:\n- conv(3, 8, d3) -> batchnorm\n- conv(3, 8, d3)  # <-",
        # one dense layer among them fills the field
        "- conv(3, 8) -> relu -> conv(3, 8, d2) -> relu -> conv(3, 8, d4)",
        "- conv(3, 8, d2) -> relu -> conv(3, 8, d2) -> relu -> conv(3, 8)",
        "- conv(3, 8, d2) -> relu -> conv(3, 8, d3)",
        "- conv(3, 8, dilation=(2, 1)) -> conv(3, 8, dilation=(1, 2))",
        "- conv(3, 8, d2) -> relu -> gap -> fc(3)",
    ],
    "AR401": [
        "- conv(3, 8) -> relu\n- conv(7, 8)  # <-",
        "- conv(3, 8) -> relu\n- conv(5, 8, stride=(1, 1))  # <-",
        "input: [3, 16, 16, 16]\nlayers:\n- conv(3, 8) -> relu\n- conv(5, 8)  # <-",
        "- conv(7, 8, s2) -> relu -> conv(3, 8)",
        "- conv(3, 8) -> relu -> conv((1, 7), 8)",
        "- conv(3, 8) -> relu -> conv(7, 8, s2)",
        "- conv(3, 8) -> relu -> conv(5, 8, g8)",
        "- conv(3, 8) -> relu -> conv(5, 64)",
        "input: [3, 64]\nlayers:\n- conv(3, 8) -> relu -> conv(5, 8)",
        # as large as the map: a linear layer
        "input: [3, 7, 7]\nlayers:\n- conv(3, 8) -> relu -> conv(5, 8)",
    ],
    "AR402": [
        "- conv(3, 16) -> relu -> maxpool(2) -> flatten -> dropout(0.3)\n- fc(64)  # <-\n- fc(10)",
        "input: [3, 100]\nlayers:\n- conv(3, 16) -> relu\n- fc(64)  # <-",
        "- conv(3, 16) -> relu -> gap -> fc(64)",
        "- conv(3, 64) -> relu -> conv(3, 64) -> relu -> maxpool(8) -> flatten -> fc(10)",
        "- flatten -> fc(100)",
        "input: [16, 64]\nlayers:\n- tokens -> fc(64) -> relu -> fc(64)",
    ],
    "AR403": [
        "input: [3, 64]\nlayers:\n- conv(3, 64) -> relu\n- conv(25, 64)  # <-",
        "input: [3, 16, 16, 16]\nlayers:\n- conv(3, 64) -> relu\n- conv(3, 64)  # <-",
        "- conv(3, 64) -> relu\n- conv(5, 32, p2)  # <-",
        "- conv(3, 64) -> relu -> conv(3, 64)",
        "- conv(3, 32) -> relu -> conv(5, 32)",
        "- conv(3, 64) -> relu -> conv(5, 64, g2)",
        "- conv(3, 256) -> relu -> conv(1, 64) -> relu -> conv(5, 64)",
    ],
    "AR404": [
        "input: [3, 64]\nlayers:\n- conv(3, 30)  # <-\n- relu -> gap -> fc(10)",
        "- flatten -> fc(100)  # <-\n- relu -> fc(10)",
        "- conv(3, 32) -> relu -> gap -> fc(10)",
        "- conv(3, 8) -> relu -> conv(3, 10) -> gap",
        "- conv(3, 6) -> relu -> gap -> fc(10)",
        "- conv(3, 512) -> relu -> conv(3, 512) -> relu -> conv(1, 12) -> relu -> gap -> fc(10)",
        "- conv(1, 36) -> channel_shuffle(2)",
        "input: [12]\nlayers:\n- relu",
    ],
    "AR405": [
        "input: [8, 64]\nlayers:\n- conv(3, 8, g8)  # <-",
        "input: [8, 8, 8, 8]\nlayers:\n- conv(3, 16, g8)  # <-",
        "- conv(1, 64) -> conv(3, 64, p1, g32)",
        "input: [1, 8, 8]\nlayers:\n- conv(3, 16)",
    ],
    "AR406": [
        "- fc(10)  # <-",
        "input: [1, 8, 8, 8]\nlayers:\n- flatten -> dropout\n- fc(10)  # <-",
        "input: [3, 64]\nlayers:\n- flatten -> fc(10)",
        "input: [784]\nlayers:\n- fc(10)",
        "- gap -> fc(10)",
        "- conv(32, 8) -> relu -> fc(10)",
        "- tokens -> fc(64) -> relu",
    ],
    "AR407": [
        "input: [8, 64]\nlayers:\n- conv(3, 16, g4) -> relu\n- conv(3, 16, g2)  # <-",
        "- conv(3, 16) -> relu -> conv(3, 16, g2) -> maxpool(2)\n- conv(3, 16, g2)  # <-",
        "- conv(3, 16) -> conv(1, 16, g4) -> relu -> conv(3, 16, g16)\n- conv(1, 16, g4)  # <-",
        "- conv(3, 16) -> conv(3, 16, g4) -> relu -> channel_shuffle(4) -> conv(3, 16, g4)",
        "- conv(3, 12) -> conv(3, 12, g3) -> relu -> conv(3, 12, g4)",
        # depthwise convolutions join nothing, and are followed by what does
        "- conv(3, 16) -> conv(3, 16, g16) -> conv(3, 16, g16) -> conv(1, 16)",
        "- conv(3, 16) -> conv(3, 16, g16) -> relu -> conv(1, 16, g4)",
    ],
    "AR501": [
        "input: [3, 64]\nlayers:\n- conv(3, 8)\n- dropout  # <-",
        "input: [1, 8, 8, 8]\nlayers:\n- conv(3, 8)\n- dropout(0.2)  # <-",
        "input: [16, 64]\nlayers:\n- tokens -> dropout",
        "- gap -> dropout",
        "- conv(32, 8) -> dropout",
        "- conv(3, 8) -> dropout(0)",
    ],
    "AR502": [
        "input: [16]\nlayers:\n- dropout  # <-",
        "- dropout(0.1)  # <-",
        "input: [16]\nlayers:\n- dropout(0.2) -> fc(3) -> dropout(0.4)",
        "input: [16, 64]\nlayers:\n- tokens -> dropout(0.1)",
    ],
    "AR503": [
        "- conv(3, 8) -> relu\n- dropout(0.3)  # <-\n- batchnorm",
        "input: [8]\nlayers:\n- dropout(0.3)  # <-\n- fc(8) -> relu -> fc(8) -> batchnorm",
        "- batchnorm -> dropout(0.3) -> conv(3, 8)",
        "- dropout(0.3) -> conv(3, 8) -> layernorm",
        "- dropout(0) -> batchnorm",
    ],
    "AR504": [
        "input: [8, 64]\nlayers:\n- lrn(3)  # <-",
        "- conv(3, 8) -> relu\n- lrn(5)  # <-\n- lrn(5)  # <-",
        "- conv(3, 8) -> layernorm",
        "- conv(3, 8) -> batchnorm -> group_norm(2)",
    ],
    "AR505": [
        "input: [3, 64]\nlayers:\n- conv(3, 8) -> avgpool(2) -> gap\n- fc(3)  # <-",
        "- a = conv(3, 3, p1)\n- add: [prev, input]\n- fc(3)  # <-",
        "- conv(3, 8) -> maxpool(2) -> fc(3)",
        "- conv(3, 8) -> relu -> fc(3)",
        "- fc(3)",
        "- mul:\n    - conv(3, 8)\n    - conv(3, 8)\n- fc(3)",
        # nonlinear inside
        "input: [16, 64]\nlayers:\n- tokens -> lstm(8) -> fc(3)",
        "input: [16, 64]\nlayers:\n- tokens -> attention(4) -> fc(3)",
        "- flatten -> maxout(8, 2) -> fc(3)",
        "- flatten -> fc(8) -> softmax -> fc(3)",
    ],
    "AR506": [
        "input: [8]\nblocks:\n  u:\n    - fc(8) -> relu\nlayers:\n- u * 12\n- fc(3)  # <-",
        "input: [8, 64]\nblocks:\n  u:\n    - conv(3, 8, p1) -> tanh\nlayers:\n- u * 11\n- conv(3, 8)  # <-",
        "input: [8]\nblocks:\n  u:\n    - fc(8) -> relu\nlayers:\n- u * 10 -> fc(3)",
        "input: [8]\nblocks:\n  u:\n    - fc(8) -> layernorm -> relu\nlayers:\n- u * 20 -> fc(3)",
        ("input: [8]\nblocks:\n  u:\n    - add:\n        - fc(8) -> relu -> fc(8)\n        - prev\n"
        "layers:\n- u * 20 -> fc(3)"),
    ],
    "AR507": [
        "input: [8]\nlayers:\n- fc(8) -> tanh -> fc(8) -> tanh -> fc(8) -> sigmoid -> fc(8)\n- tanh  # <-",
        "input: [8]\nblocks:\n  u:\n    - fc(8)\n    - scaled_tanh  # <-\nlayers:\n- u * 4",
        "input: [8]\nlayers:\n- fc(8) -> tanh -> fc(8) -> tanh -> fc(8) -> tanh",
        "input: [8]\nlayers:\n- fc(8) -> tanh -> fc(8) -> tanh -> fc(8) -> relu -> fc(8) -> tanh -> fc(8) -> tanh",
        # paths lead around
        "input: [8]\nblocks:\n  u:\n    - add:\n        - fc(8) -> tanh -> fc(8)\n        - prev\nlayers:\n- u * 8",
    ],
    "AR508": [
        "- conv(3, 8)\n- batchnorm -> conv(3, 8, freeze=true)  # <-",
        "blocks:\n  b:\n    - conv(3, 8)  # <-\nlayers:\n- conv(3, 8)\n- b(freeze=true)",
        "- conv(3, 8, freeze=true) -> relu -> conv(3, 8, freeze=true) -> fc(10)",
        "- conv(3, 8) -> relu",
        "- concat:\n    - conv(3, 8)\n    - conv(3, 8, freeze=true)\n- fc(10)",
    ],
    "AR601": [
        "input: [3, 8]\nlayers:\n- conv(8, 8)\n- batchnorm  # <-",
        "- conv(32, 8)\n- batchnorm  # <-",
        "- conv(3, 8) -> batchnorm",
        "input: [3, 1, 2]\nlayers:\n- batchnorm",
        "- conv(3, 8) -> gap\n- batchnorm  # <-\n- fc(3)",
        "- conv(3, 8) -> maxpool(30) -> flatten -> dropout\n- batchnorm  # <-\n- fc(3)",
        # features alone: the batch is what they are always averaged over
        "- flatten -> fc(8) -> batchnorm",
        "- conv(32, 8) -> layernorm",
    ],
    "AR602": [
        "- conv(3, 1)\n- rmsnorm  # <-",
        "- gap -> fc(1)\n- layernorm  # <-",
        "- conv(3, 2) -> layernorm",
        "- conv(3, 4) -> group_norm(4)",
        "- conv(3, 1) -> instance_norm",
        "- conv(3, 1) -> layernorm(over=all)",
    ],
}  # fmt: skip

EACH = [(code, case) for code, cases in CASES.items() for case in cases]


def found(text: str, *codes: str) -> list[Diagnostic]:
    document = read_document(Source("example.yaml", text))
    return list(findings_of(document, build(document, free=()), Selection(codes)))


def marked(text: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines()) if line.endswith("# <-")]


@pytest.mark.parametrize(("code", "case"), EACH, ids=[f"{code}-{i}" for i, (code, _) in enumerate(EACH)])
def test_a_rule_finds_the_marked_lines_and_no_others(code: str, case: str) -> None:
    text = example_spec(case)
    assert sorted(each.location.line for each in found(text, code) if each.location) == marked(text), text


def test_every_rule_has_cases_of_both_kinds() -> None:
    assert set(CASES) == set(RULES)
    for code, cases in CASES.items():
        wanted = sum("# <-" in case for case in cases)
        assert wanted >= (1 if code == "AR108" else 2), code
        assert len(cases) - wanted >= 2, code


# --- what findings promise -------------------------------------------------------------------------------------------


def total(text: str, measure: str) -> int:
    return int(MEASURES[measure].total(load_text(example_spec(text))))


def promised(text: str, code: str) -> list[int]:
    """The numbers of a finding's first note."""
    [only] = found(example_spec(text), code)
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", only.notes[0])]


STEM = "input: {x}\nlayers:\n- conv(3, {c}, bias={bias}) -> relu\n"


@pytest.mark.parametrize("bias", ["true", "false"])
@pytest.mark.parametrize(("x", "c"), [("[3, 32, 32]", 16), ("[1, 20, 20, 20]", 4)])
@pytest.mark.parametrize(("size", "depth"), [(5, 2), (7, 3), (9, 4)])
def test_a_stack_has_the_parameters_that_are_promised(x: str, c: int, size: int, depth: int, bias: str) -> None:
    stem = STEM.format(x=x, c=c, bias=bias)
    stack = " -> relu -> ".join([f"conv(3, {c}, p1, bias={bias})"] * depth)
    own = total(stem, "params")
    large = f"{stem}- conv({size}, {c}, p{size // 2}, bias={bias})"
    assert promised(large, "AR401") == [total(stem + f"- {stack}", "params") - own, total(large, "params") - own]


@pytest.mark.parametrize(("x", "units"), [("[3, 32, 32]", 64), ("[3, 50]", 100), ("[1, 8, 8, 8]", 32)])
@pytest.mark.parametrize("between", ["flatten -> ", "", "flatten -> dropout -> "])
def test_pooling_has_the_parameters_that_are_promised(x: str, units: int, between: str) -> None:
    stem = STEM.format(x=x, c=16, bias="true")
    own = total(stem, "params")
    heavy = f"{stem}- {between}fc({units})"
    pooled = total(f"{stem}- gap -> fc({units})", "params") - own
    assert promised(heavy, "AR402") == [pooled, total(heavy, "params") - own]


@pytest.mark.parametrize(("x", "size"), [("[3, 32, 32]", "5"), ("[3, 200]", "31"), ("[3, 32, 32]", "5, s2, p2")])
def test_a_reduction_has_the_macs_that_are_promised(x: str, size: str) -> None:
    stem = STEM.format(x=x, c=64, bias="true")
    kernel, *more = size.split(", ", 1)
    call = ", ".join([kernel, "64", *more])
    own = total(stem, "macs")
    reduced = total(f"{stem}- conv(1, 16) -> relu -> conv({call})", "macs") - own
    [_, macs_reduced, *_, macs_now] = [0, *promised(f"{stem}- conv({call})", "AR403")]
    assert (macs_reduced, macs_now) == (reduced, total(f"{stem}- conv({call})", "macs") - own)


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ("conv(3, 32)", "conv(3, 32)", "conv(5, 32)"),
        ("conv(3, 64, s2)", "conv(1, 64)", "conv(3, 64, s2)"),
        ("conv(2, 96, s2, bias=false)", "conv(1, 64, s2, bias=false)", "conv(2, 64, s4, bias=false)"),
        ("conv(1, 32)", "conv(3, 32, s2, d2)", "conv(5, 32, s2)"),
        ("flatten -> fc(512)", "fc(256, bias=false)", "flatten -> fc(256)"),
        ("conv(3, 32)", "fc(10)", "fc(10)"),
        ("conv(5, 2, s2)", "fc(10)", "fc(10)"),
    ],
)
def test_one_layer_has_the_parameters_that_two_are_reported_to_have_too_many(first: str, second: str, one: str) -> None:
    two, alone = total(f"- {first} -> {second}", "params"), total(f"- {one}", "params")
    findings = found(example_spec(f"- {first} -> {second}"), "AR102")
    assert bool(findings) == (two > alone)
    if findings:
        assert promised(f"- {first} -> {second}", "AR102") == [two, alone]


@pytest.mark.parametrize(("x", "pool"), [("[3, 33, 33]", "maxpool(3, 2)"), ("[3, 9]", "avgpool(5, 3, ceil_mode=true)")])
def test_pooling_without_overlap_has_the_size_that_is_promised(x: str, pool: str) -> None:
    [only] = found(f"archcalc: 1\ninput: {x}\nlayers:\n- {pool}\n", "AR206")
    plain = only.help.removesuffix(" gives the same output size")
    ours, theirs = (load_text(f"archcalc: 1\ninput: {x}\nlayers: ['{each}']\n") for each in (pool, plain))
    assert ours.nodes[-1].output == theirs.nodes[-1].output


TRANSPOSED = [
    (kernel, stride, padding, output_padding, dilation)
    for kernel in range(1, 8)
    for stride in range(2, 5)
    for padding in range(3)
    for output_padding in range(stride)
    for dilation in (1, 2)
    if kernel % stride and dilation * (kernel - 1) + output_padding >= 2 * padding
]


def test_an_even_overlap_has_the_size_that_is_promised() -> None:
    assert len(TRANSPOSED) > 200
    for kernel, stride, *others in TRANSPOSED:
        window = TransposedWindow(kernel, stride, others[0], others[0], others[2], others[1])
        better = even(window)
        assert better.kernel % stride == 0
        assert better.slide(128) == window.slide(128), window
        assert better.output_padding < max(stride, window.dilation)


def test_the_help_of_an_uneven_overlap_keeps_the_size() -> None:
    text = "input: [8, 128, 128]\nlayers:\n- upconv(3, 8, s2, p1, output_padding=1)"
    [only] = found(example_spec(text), "AR207")
    assert only.help.startswith("kernel_size=4, output_padding=0 has the same size")
    sizes = [load_text(example_spec(text.replace("3, 8, s2, p1, output_padding=1", call))).nodes[0].output.spatial
             for call in ("3, 8, s2, p1, output_padding=1", "4, 8, s2, p1, output_padding=0")]  # fmt: skip
    assert sizes == [(256, 256)] * 2


def test_skipped_positions_are_those_that_no_window_reads() -> None:
    [only] = found(example_spec("input: [3, 7, 7]\nlayers:\n- conv(1, 8, s2)"), "AR203")
    assert "skips 67% of its input" in only.message  # 4 x 4 of 7 x 7 are read


# --- no rule falls over ----------------------------------------------------------------------------------------------


def all_findings(graph: Graph) -> list[str]:
    """What every rule finds, each reported for a layer of the network."""
    design, said = Design(graph), []
    for code in sorted(RULES):
        for finding in RULES[code]().findings(design):
            assert finding.node in graph.nodes
            assert len(finding.message) <= 160
            said.append(f"{code} {finding.message} {finding.help} {' '.join(finding.notes)}")
    return said


@pytest.mark.parametrize("reference", list(references()))
def test_every_rule_takes_every_network_of_the_zoo(reference: str) -> None:
    assert not [said for said in all_findings(network(reference)) if "nan" in said.split()]


@pytest.mark.parametrize("kind", sorted(LAYERS))
def test_every_rule_takes_every_layer(kind: str) -> None:
    """Each layer's examples as networks of one layer and their inputs."""
    for example in LAYERS[kind].examples:
        layer = LAYERS[kind](**example.given)
        inputs = tuple(Input(f"x{i}", x) for i, x in enumerate(example.xs))
        node = Node("only", layer, tuple(each.name for each in inputs), example.xs, (example.y,), "only")
        all_findings(Graph("one", inputs, (node,), ("only",)))


def look_at(network: Network) -> None:
    try:
        graph = load_text(network.spec())
    except SpecError:
        return
    all_findings(graph)


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_every_rule_takes_random_networks(network: Network) -> None:
    look_at(network)


@pytest.mark.fuzz
@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_every_rule_takes_many_random_networks(network: Network) -> None:
    look_at(network)
