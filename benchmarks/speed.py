"""How many times as fast as MediaPipe's usual loop, at two sizes: the table that the README shows.

    python benchmarks/speed.py [SOURCE] [--repeats 3]

Loops SOURCE (as long_run.py does) at 540 x 960 for two minutes and at 1080 x 1920 for one, has
`formcheck bench` measure each, and prints all that it found, then the table. Half an hour on 2
cores.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from long_run import choose_source, make_video

from formcheck.bench import print_bench, run_bench
from formcheck.bench.findings import BASELINE, END_TO_END, WHOLE_PROCESS, Bench, Case
from formcheck.cli.speech import own_stderr

SIZES = {960: 2.0, 1920: 1.0}  # minutes, for each longer side in pixels
FULL, REDUCED = Case("blazepose", "full"), Case("blazepose", "full", "reduced")
ROWS = {
    END_TO_END: "from the file to the report, all frames",
    WHOLE_PROCESS: "the same with Python's start",
}


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    source = asked.source or choose_source()
    console = Console(width=140)
    table = Table("frames/s", "usual loop", "formcheck", "", "reduced precision", "",
                  box=box.MARKDOWN)  # fmt: skip
    for side_px, minutes in SIZES.items():
        with own_stderr(debug=False):  # MediaPipe logs there
            found = run_bench(
                make_video(source, minutes, side_px),
                engines=["blazepose"],
                models=["full"],
                seconds=60 * minutes,
                repeats=asked.repeats,
            )
        print_bench(found, console)
        size = f"{found.clip.width} × {found.clip.height}"
        for name, what in ROWS.items():
            table.add_row(f"{size}: {what}", *_row(found, name))
    console.print(table)


def _row(found: Bench, name: str) -> Iterator[str]:
    for case in (BASELINE, FULL, REDUCED):
        measured = found.find(name, case)
        yield "" if measured is None else f"{median(measured.frames_per_s):.3g}"
        if case != BASELINE:
            times = measured and found.times_baseline(measured)
            yield f"{times:.1f} ×" if times else ""


if __name__ == "__main__":
    main()
