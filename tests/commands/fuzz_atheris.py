"""A fuzzer that is led by the coverage of the code it reaches, to be run by hand for as long as one likes.

    pip install atheris
    python -m tests.commands.fuzz_atheris -max_total_time=600

It begins with the bundled specs, and ends at the first input that leads to another exception than SpecError, takes
over 2 seconds or 300 MB, or runs as code; libFuzzer writes that input to a file `crash-...`.
"""

import sys
import tempfile
from pathlib import Path

from tests.networks.zoo import FILES


def main() -> None:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # by hand alone, and no dependency

    with atheris.instrument_imports(include=["archcalc"]):
        from tests.commands.front_door import guarded, outcome_of_bytes

    def try_bytes(data: bytes) -> None:
        with guarded():
            outcome_of_bytes(data)

    with tempfile.TemporaryDirectory() as corpus:
        for file in FILES:
            (Path(corpus) / file.name).write_bytes(file.read_bytes())
        bounds = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=2000"]
        atheris.Setup([sys.argv[0], *bounds, *sys.argv[1:], corpus], try_bytes)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
