"""What was found, for people: the machine, a table for each case, and what has to be known."""

from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

from formcheck.bench.findings import BASELINE, END_TO_END, WHOLE_PROCESS, Bench, Case, Measurement

HEADINGS = ("frames/s", "min..max", "ms/frame", "of the whole", "× loop")
LABEL_WIDTH, NUMBER_WIDTH = 13, 7  # characters; the same for each case
EXPLANATIONS = (
    "Each stage is timed alone, on all the cores it can use; masks are drawn on some frames only, "
    "and their time is spread over all. MediaPipe's network comes with crop, smoothing and masks.",
    "End to end: analyze --sample all, from the file to the report, with the networks open. Whole "
    "process: the same command from Python's start to its end. On a longer video what happens once "
    "weighs less.",
    "Of the whole: the share of a frame's time end to end that the stage takes alone. What is in "
    "no stage: looking for people, following the camera, waiting; less than nothing where stages "
    "run at the same time.",
    f"{BASELINE.engine} is the usual loop: OpenCV decodes, MediaPipe finds the points; nothing "
    "more. × loop: how many times as fast as that.",
)


def print_bench(bench: Bench, console: Console) -> None:
    """Print all that was found."""
    _print_plainly(console, *_describe_setting(bench))
    for case in dict.fromkeys(measured.case for measured in bench.measurements):
        rows = [measured for measured in bench.measurements if measured.case == case]
        _print_plainly(console, "", _headline(bench, case))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("", min_width=LABEL_WIDTH)
        for heading in HEADINGS:
            table.add_column(heading, justify="right", min_width=NUMBER_WIDTH, no_wrap=True)
        for measured in rows:
            table.add_row(*_format_row(bench, measured))
        console.print(table)
        _print_plainly(console, *_describe_bounds(bench, rows))
    for skipped in bench.skipped:
        _print_plainly(console, "", f"! {skipped.case}, left out: {skipped.reason}")
    _print_plainly(console, "", *EXPLANATIONS)


def _print_plainly(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _describe_setting(bench: Bench) -> list[str]:
    machine, clip = bench.machine, bench.clip
    length = "" if clip.promised_duration_s is None else f"{clip.promised_duration_s:.1f} s, "
    return [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib:.1f} GiB, "
        f"load before: {machine.load_before:.1f}",
        machine.system,
        ", ".join(f"{name} {version or '-'}" for name, version in bench.versions.items()),
        f"{bench.video.name}: {length}{bench.clip_frames} frames of {clip.width} x {clip.height}, "
        f"{clip.codec}; each timed {bench.repeats} ×, the median shown",
    ]


def _headline(bench: Bench, case: Case) -> str:
    """Name a case, where it runs, and what memory it takes."""
    facts = [str(case)]
    for used in bench.engines:
        if used.case == case:
            facts += [f"{used.device}, {used.computes_in}", *([used.note] if used.note else [])]
    process = bench.find(WHOLE_PROCESS, case)
    if process is not None and process.peak_mib is not None:
        facts.append(f"peak memory {process.peak_mib:.0f} MiB")
    return "; ".join(facts)


def _format_row(bench: Bench, measured: Measurement) -> tuple[str, ...]:
    rates = measured.frames_per_s
    share, times = bench.share_of_end_to_end(measured), bench.times_baseline(measured)
    return (
        _label(measured),
        _format_rate(median(rates)),
        f"{_format_rate(min(rates))}..{_format_rate(max(rates))}",
        f"{1000 / median(rates):.2f}",
        "" if share is None else f"{share:.0%}",
        "" if times is None else f"{times:.2f}",
    )


def _describe_bounds(bench: Bench, rows: list[Measurement]) -> list[str]:
    """Say how near the whole is to what bounds it, and what holds the rest."""
    shares = {
        _label(measured): share
        for measured in rows
        if measured.name not in (END_TO_END, WHOLE_PROCESS)
        and (share := bench.share_of_end_to_end(measured)) is not None
    }
    if not shares:
        return []
    bounds = dict.fromkeys([max(shares, key=shares.__getitem__), "decode"])
    pace = " and ".join(f"{shares[label]:.0%} of that of {label}" for label in bounds)
    rest = 1 - sum(shares.values())
    return [f"The pace end to end is {pace} alone; {rest:.0%} of its time is in no stage."]


def _label(measured: Measurement) -> str:
    return measured.name.replace("_", " ")


def _format_rate(rate: float) -> str:
    return f"{rate:.1f}" if rate < 100 else f"{rate:,.0f}"
