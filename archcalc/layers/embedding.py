"""Embeddings: a vector per integer."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from archcalc.core.condition import at_least
from archcalc.core.dim import Dim
from archcalc.core.kernel import Kernel, Run, tensor_of
from archcalc.core.volume import Volume, ids, tokens
from archcalc.core.weight import Weight
from archcalc.layer import Call, Example, Reference, Requirement, Role, module
from archcalc.layers.parametrized import Parametrized
from archcalc.record import replace

FAMILY = "Embeddings, tokens and positions"


class Embedding(Parametrized, name="embedding", positional=("num_embeddings", "embedding_dim")):
    """Looks up a learned vector for every integer: row i of the weight for i.

    x: an integer below num_embeddings at each of T positions -> y: embedding_dim at T tokens, features last

    No arithmetic: rows are copied. The row of `padding_idx` is not trained, but it is counted with the others.
    `tie` names a layer whose `weight` is used instead of its own; `linear(tie=...)` uses this layer's.

    Sources: Bengio et al. 2003, "A Neural Probabilistic Language Model", JMLR 3;
    torch.nn.Embedding.
    """

    role = Role.MOVEMENT
    ties: ClassVar[Mapping[str, str]] = {"tie": "weight"}
    takes_ids = True

    num_embeddings: Dim
    embedding_dim: Dim
    padding_idx: Dim | None = None
    tie: Reference | None = None

    def requires(self, x: Volume) -> Iterator[Requirement]:
        yield x.is_ids, f"embedding needs integer inputs, got {x} of {x.dtype}"
        yield from at_least(1, num_embeddings=self.num_embeddings, embedding_dim=self.embedding_dim)
        if self.padding_idx is not None:
            message = f"padding_idx={self.padding_idx} is outside the {self.num_embeddings} embeddings"
            yield self.padding_idx < self.num_embeddings, message
            yield self.padding_idx >= -self.num_embeddings, message

    def remedy(self, *xs: Volume) -> str:
        return "" if xs[0].is_ids else "declare integers: input: {ids: {shape: [128], dtype: int64, vocab: 30522}}"

    def shape(self, x: Volume) -> Volume:
        return replace(x, channels=self.embedding_dim, dtype="float32")

    def weights(self, x: Volume) -> Iterator[Weight]:
        yield Weight("weight", (self.num_embeddings, self.embedding_dim))

    def kernels(self, run: Run, y: Volume, x: Volume) -> Iterator[Kernel]:
        yield Kernel(size=tensor_of(y), saves=("x",), weights=("weight",))

    def call(self, x: Volume) -> Call:
        return module("torch.nn.Embedding", **self.stated("tie"))

    examples = (
        Example(
            given=dict(num_embeddings=50_257, embedding_dim=768), x=ids(1024), y=tokens(1024, 768), params=38_597_376,
            source="GPT-2 small: Radford et al. 2019, table 2 (width)",
        ),
        Example(
            given=dict(num_embeddings=10, embedding_dim=3, padding_idx=0), x=ids(5), y=tokens(5, 3), params=30,
            source="torch.nn.Embedding",
        ),
        Example(
            given=dict(num_embeddings=10, embedding_dim=3, tie=Reference("wte")), x=ids(4), y=tokens(4, 3), params=30,
        ),
    )  # fmt: skip
