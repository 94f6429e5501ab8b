"""Measure by the protocol, and write results, tables, pictures and the figures that alerts quote.

python -m benchmarks.strain                    all of it: about seven minutes on one core
python -m benchmarks.strain --redraw           tables, pictures and figures from the committed results
python -m benchmarks.strain --compare A B      policy A against policy B on the same clients; writes nothing
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import writing
from .comparing import compared
from .measuring import measured
from .protocol import protocol


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strain", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--redraw", action="store_true", help="do not measure anew")
    parser.add_argument("--compare", nargs=2, metavar="POLICY", help="id, or id@preset")
    parser.add_argument("--clients", type=int, help="another number of clients, for --compare")
    parser.add_argument("--seed", type=int, help="another seed, for --compare")
    options = parser.parse_args(arguments)
    changed = {name: value for name in ("clients", "seed") if (value := getattr(options, name)) is not None}
    if options.compare:
        print("\n".join(compared(protocol(**changed), *options.compare)))
        return
    if changed:
        parser.error("the committed results keep to the protocol: --clients and --seed are for --compare")
    if not options.redraw:
        writing.save(measured(protocol(), lambda line: sys.stderr.write(f"{line}\n")))
    for path in writing.publish(writing.saved()):
        sys.stderr.write(f"written: {path}\n")


if __name__ == "__main__":
    main()
