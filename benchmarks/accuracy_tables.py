"""Tables of `accuracy.py`: from scored scenes to what the README shows."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from formcheck.metrics import REGISTRY

if TYPE_CHECKING:
    from accuracy import Scored

Floats = NDArray[np.float64]

SQUARE_DEG = 16.0  # a camera nearer to square than this (a drawn yaw strays by 1.5)
NEAR_SQUARE_DEG = 21.6
EXPECTED = {
    "steady": "held",
    "lean": "degraded",
    "flexion": "degraded",
    "speed": "inconclusive",
    "incline": "inconclusive",
}


def print_each(console: Console, scored: Iterable["Scored"]) -> None:
    """Print a line for each scene."""
    table = Table("scene", "yaw", "px", "fps", "lean bias", "Δlean", "true", "Δslouch", "true", "±",
                  "cad", "GCT-true", "±", "legs %", "arms %", "verdict", "warnings")  # fmt: skip
    for s in scored:
        filming = s.planned.scene.filming
        if s.error:
            table.add_row(s.planned.name, s.error)
            continue
        bias = _mean_difference(s, "trunk_lean_deg")
        lean, slouch = (s.changes.get(c, (np.nan,) * 3) for c in ("trunk_lean_deg", "slouch_deg"))
        found, true, open_ms = s.contact_time_ms
        table.add_row(
            s.planned.name, f"{filming.yaw_deg:.0f}", f"{filming.person_px:.0f}",
            f"{filming.fps:.0f}", f"{bias:+.1f}", f"{lean[0]:+.1f}", f"{lean[1]:+.1f}",
            f"{slouch[0]:+.1f}", f"{slouch[1]:+.1f}", f"{slouch[2]:.1f}",
            f"{_mean_difference(s, 'cadence_spm'):+.2f}", f"{found - true:+.0f}", f"{open_ms:.0f}",
            f"{100 * s.legs_right:.1f}", f"{100 * s.arms_right:.1f}", s.verdict,
            " ".join(s.warnings),
        )  # fmt: skip
    console.print(table)


def print_tables(console: Console, scored: list["Scored"]) -> None:
    """Print everything."""
    failed = [s for s in scored if s.error]
    for s in failed:
        console.print(f"{s.planned.name}: {s.error}")
    seen = [s for s in scored if not s.error]
    _print_metrics(console, seen)
    _print_changes(console, seen)
    _print_events(console, seen)
    _print_sides(console, seen)
    _print_camera(console, seen)
    _print_verdicts(console, seen, failed)


def _mean_difference(s: "Scored", column: str) -> float:
    if column not in s.values:
        return float("nan")
    found, true = s.values[column]
    return float(np.nanmean(found - true))


def _yaw(s: "Scored") -> float:
    return abs(s.planned.scene.filming.yaw_deg)


def _print_metrics(console: Console, scored: list["Scored"]) -> None:
    table = Table("metric", "scenes", "bias", "SD across scenes", "SD per stride", "worst scene",
                  title="Found minus true")  # fmt: skip
    square = [s for s in scored if _yaw(s) <= SQUARE_DEG and not s.planned.bump]
    for column, metric in REGISTRY.items():
        if metric.is_relative:
            continue
        differences = [
            found - true for s in square if column in s.values
            for found, true in [s.values[column]]
        ]  # fmt: skip
        if not differences:
            continue
        mean = np.array([np.nanmean(d) for d in differences])
        within = float(np.sqrt(np.mean([np.nanvar(d) for d in differences])))
        worst = mean[np.abs(mean).argmax()]
        across = mean.std(ddof=1) if len(mean) > 1 else np.nan
        table.add_row(
            f"{metric.label} ({metric.unit})", str(len(mean)), f"{mean.mean():+.2f}",
            f"{across:.2f}", f"{within:.2f}", f"{worst:+.2f}",
        )  # fmt: skip
    console.print(table)


def _print_changes(console: Console, scored: list["Scored"]) -> None:
    table = Table("change between the parts", "scenes", "gain", "bias", "SD", "worst",
                  "interval covers", title="Found against true change")  # fmt: skip
    still = [s for s in scored if s.planned.kind in ("steady", "lean", "flexion")]
    rows: list[tuple[str, str, Callable[[Scored], bool]]] = [
        ("lean, yaw to 20°", "trunk_lean_deg", lambda s: _yaw(s) <= NEAR_SQUARE_DEG),
        ("lean, yaw 30°", "trunk_lean_deg", lambda s: _yaw(s) > NEAR_SQUARE_DEG),
        ("lean as only the back rounds", "trunk_lean_deg", lambda s: s.planned.kind == "flexion"),
        ("slouch, yaw to 20°", "slouch_deg", lambda s: _yaw(s) <= NEAR_SQUARE_DEG),
        ("slouch, yaw 30°", "slouch_deg", lambda s: _yaw(s) > NEAR_SQUARE_DEG),
        ("slouch as only lean grows", "slouch_deg", lambda s: s.planned.kind == "lean"),
        ("neck flexion, yaw to 20°", "neck_flexion_deg", lambda s: _yaw(s) <= NEAR_SQUARE_DEG),
    ]  # fmt: skip
    for label, column, fits in rows:
        pairs = np.array([s.changes[column] for s in still if column in s.changes and fits(s)])
        if len(pairs) < 2:
            continue
        found, true, half = pairs.T
        error = found - true
        spread = np.ptp(true) > 2
        gain = f"{np.polyfit(true, found, 1)[0]:.2f}" if spread else "-"
        table.add_row(
            label, str(len(pairs)), gain, f"{error.mean():+.2f}", f"{error.std(ddof=1):.2f}",
            f"{error[np.abs(error).argmax()]:+.2f}",
            f"{100 * (np.abs(error) <= half).mean():.0f} %",
        )  # fmt: skip
    console.print(table)


def _print_events(console: Console, scored: list["Scored"]) -> None:
    table = Table("frames/s", "scenes", "contact − true", "toe-off − true", "contact time − true",
                  "SD across scenes", "in frames", "stated ± covers",
                  title="Foot events, ms")  # fmt: skip
    bands: dict[str, tuple[float, float]] = {
        "24 to 30": (0, 40), "60": (40, 80), "120": (80, 999), "all": (0, 999),
    }  # fmt: skip
    for label, (low, high) in bands.items():
        group = [
            s for s in scored
            if low <= s.planned.scene.filming.fps < high and len(s.contact_error_s)
            and np.isfinite(s.contact_time_ms[0]) and _yaw(s) <= SQUARE_DEG
        ]  # fmt: skip
        if not group:
            continue
        contact = np.array([1000 * s.contact_error_s.mean() for s in group])
        toe_off = np.array(
            [1000 * s.toe_off_error_s.mean() for s in group if len(s.toe_off_error_s)]
        )
        found, true, half = np.array([s.contact_time_ms for s in group]).T
        frames = (found - true) * [s.planned.scene.filming.fps / 1000 for s in group]
        table.add_row(
            label, str(len(group)), f"{contact.mean():+.0f} ± {contact.std():.0f}",
            f"{toe_off.mean():+.0f} ± {toe_off.std():.0f}", f"{(found - true).mean():+.0f}",
            f"{(found - true).std():.0f}", f"{frames.mean():+.2f}",
            f"{100 * (np.abs(found - true) <= half).mean():.0f} %",
        )  # fmt: skip
    console.print(table)
    slow = [s for s in scored if "cadence_spm" in s.values]
    worst = max((abs(_mean_difference(s, "cadence_spm")) for s in slow), default=np.nan)
    console.print(f"Cadence: worst scene {worst:.2f} steps/min of {len(slow)}")


def _print_sides(console: Console, scored: list["Scored"]) -> None:
    side = [s for s in scored if s.planned.kind != "rear"]
    view = {"right": ("side", 1), "left": ("side", -1), "rear": ("rear", None)}

    def fits(s: "Scored") -> bool:
        shown, direction = view[s.planned.scene.filming.view]
        return s.view == shown and direction in (None, s.direction)

    right = sum(fits(s) for s in scored)
    console.print(f"View and direction right: {right} of {len(scored)} scenes")
    for s in scored:
        if not fits(s):
            console.print(f"  {s.planned.name}: {s.view} {s.direction}")
    for label, key in (("legs", "legs_right"), ("arms", "arms_right")) if side else ():
        share = np.array([getattr(s, key) for s in side])
        console.print(
            f"Left is left, {label}: {100 * share.mean():.2f} % of the frames, worst scene "
            f"{100 * share.min():.1f} %"
        )


def _print_camera(console: Console, scored: list["Scored"]) -> None:
    bumped = [s for s in scored if s.planned.bump]
    if not bumped:
        return
    twins = {s.planned.name: s for s in scored}
    table = Table("scene", "true roll", "found", "lean change", "true", "without correction",
                  "verdict", "of the still twin", "without correction",
                  title="The camera moves")  # fmt: skip
    for s in bumped:
        twin = twins.get(s.planned.twin)
        roll = s.planned.scene.filming.roll_deg
        true_roll = roll[-1][1] - roll[0][1] if not isinstance(roll, float) else 0.0
        lean = s.changes.get("trunk_lean_deg", (np.nan,) * 3)
        table.add_row(
            s.planned.name, f"{true_roll:+.1f}",
            "-" if s.roll_deg is None else f"{s.roll_deg:+.2f}",
            f"{lean[0]:+.2f}", f"{lean[1]:+.2f}", f"{s.lean_change_uncorrected:+.2f}", s.verdict,
            twin.verdict if twin else "-", s.verdict_uncorrected,
        )  # fmt: skip
    console.print(table)


def _print_verdicts(console: Console, scored: list["Scored"], failed: list["Scored"]) -> None:
    labels = ["held", "degraded", "changed", "inconclusive", "insufficient_data", "failed"]
    table = Table("what happens", "scenes", *labels, title="Verdicts")
    kinds = [kind for kind in EXPECTED if any(s.planned.kind == kind for s in scored)]
    for kind in kinds:
        of_kind = [s for s in scored if s.planned.kind == kind]
        count = Counter(s.verdict for s in of_kind)
        count["failed"] = sum(s.planned.kind == kind for s in failed)
        table.add_row(
            kind, str(sum(count.values())), *(str(count[label] or "") for label in labels)
        )
    console.print(table)
    for s in scored:
        if s.planned.kind in EXPECTED and s.verdict != EXPECTED[s.planned.kind]:
            console.print(f"  {s.planned.name}: {s.verdict} [{', '.join(s.warnings)}]")
    for s in scored:
        if s.planned.kind in ("speed", "incline"):
            console.print(f"  {s.planned.name}: warnings {', '.join(s.warnings) or 'none'}")
