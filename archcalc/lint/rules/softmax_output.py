"""A softmax at the end, before a loss that has one."""

from collections.abc import Iterator

from archcalc.layers.softmax import Softmax
from archcalc.lint.rule import Design, Finding, Rule


class SoftmaxOutput(Rule, code="AR104"):
    """A softmax at the output of a network that is trained with cross entropy.

    torch.nn.CrossEntropyLoss takes scores and has the softmax in it: behind another one it takes the softmax of a
    softmax, whose largest probability for C classes is e / (e + C - 1), so that the loss can no longer go to zero.
    For inference, or with torch.nn.NLLLoss behind a logarithm, it is right.

    Source: torch.nn.CrossEntropyLoss ("the input is expected to contain the unnormalized logits for each class").
    """

    bad = "- flatten -> fc(10)\n- softmax  # <-"
    good = "- flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(Softmax):
            if node.name in design.graph.outputs and node.output.channels > 1:
                message = f"{node.name} is an output: nn.CrossEntropyLoss would take a second softmax"
                yield Finding(node=node, message=message, help="leave it out for training: the loss takes the scores")
