"""A softmax at the output, before a loss that contains one."""

from collections.abc import Iterator

from archcalc.layers.softmax import Softmax
from archcalc.lint.rule import Design, Finding, Rule


class SoftmaxOutput(Rule, code="AR104"):
    """A softmax at the output of a network, which cross entropy would apply again.

    torch.nn.CrossEntropyLoss takes scores and includes the softmax. After another softmax, the largest probability for
    C classes is e / (e + C - 1), so the loss cannot approach zero. A softmax at the output is correct for inference, or
    with a logarithm and torch.nn.NLLLoss.

    Source: torch.nn.CrossEntropyLoss ("the input is expected to contain the unnormalized logits for each class").
    """

    bad = "- flatten -> fc(10)\n- softmax  # <-"
    good = "- flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(Softmax):
            if node.name in design.graph.outputs and node.output.channels > 1:
                message = f"{node.name} is an output: nn.CrossEntropyLoss would apply a second softmax"
                yield Finding(node=node, message=message, help="remove it for training: the loss takes scores")
