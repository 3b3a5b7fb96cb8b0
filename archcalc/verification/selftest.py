"""A self-test: some networks run on this machine, and every bundled one on the meta device."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archcalc.core.extra import OlderTorch
from archcalc.core.version import VERSION
from archcalc.record import asdict, record
from archcalc.spec.zoo import bundled
from archcalc.verification.network import now, verify
from archcalc.verification.row import VerificationReport

RUN = ("two_layer", "lenet5", "cifar10_cnn", "squeezenet", "tcn", "char_rnn")
"""Networks that are run with values, and trained for a step: half a minute on two slow cores."""


@record
class Tested:
    """The result for one network: how many comparisons agree, and what differs in the others.

    `left_out`: why it was not compared with this release of torch; "" if it was.
    """

    name: str
    device: str
    comparisons: int
    agrees: bool
    differences: tuple[str, ...]
    left_out: str = ""


@record
class Certificate:
    """A self-test: the environment, and the result for each network."""

    archcalc: str
    agrees: bool
    date: str
    seconds: int
    versions: Mapping[str, str]
    networks: tuple[Tested, ...]

    @property
    def wrong(self) -> list[Tested]:
        return [each for each in self.networks if not each.agrees]


def selftest(names: Sequence[str] | None = None, show: Callable[[str], None] = lambda stage: None) -> Certificate:
    """Verifies networks: those of RUN on the CPU, and `names` (all bundled ones) on the meta device, at one size.

    `show` is called before each network: `3 of 117: lenet5, on cpu`.
    """
    began = time.monotonic()
    known = list(bundled()) if names is None else names
    planned = [*((name, "cpu") for name in RUN if names is None or name in names), *((name, "meta") for name in known)]
    found: list[Tested] = []
    versions: Mapping[str, str] = {}
    for number, (name, device) in enumerate(planned, 1):
        show(f"{number} of {len(planned)}: {name}, on {device}")
        try:
            made = verify(name, device=device, sizes=8, quick=device == "meta")
        except OlderTorch as older:
            found.append(Tested(name, device, 0, True, (), str(older)))
            continue
        found.append(tested(name, device, made))
        versions = versions or made.versions
    seconds = round(time.monotonic() - began)
    agrees = all(each.agrees for each in found)
    return Certificate(VERSION, agrees, now(), seconds, versions, tuple(found))


def tested(name: str, device: str, made: VerificationReport) -> Tested:
    judged = [row for row in made.rows if row.agrees is not None]
    return Tested(name, device, len(judged), made.agrees, tuple(differences(made)))


def differences(made: VerificationReport) -> Iterator[str]:
    for row in made.rows:
        if row.agrees is False:
            yield f"{row.level} {row.at}: {row.quantity}: predicted {row.predicted}, measured {row.measured}"


def to_json(made: Certificate) -> str:
    """The certificate, with a line for each network."""
    plain: dict[str, Any] = asdict(made)
    networks = ",\n".join(f"  {json.dumps(each, ensure_ascii=False)}" for each in plain.pop("networks"))
    head = ",\n".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in plain.items())
    return f'{{\n{head},\n "networks": [\n{networks}\n ]\n}}\n'
