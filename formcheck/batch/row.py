"""One line of the summary, read from a clip's result."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from formcheck.batch.clips import Clip
from formcheck.batch.done import read_left_out
from formcheck.names import as_text

COURSE_POINTS = 40  # of the small picture of the run


@dataclass(frozen=True)
class Row:
    r"""What the summary says of a clip; None is what is not known.

    Attributes
    ----------
    clip : str
        Name of the clip, bytes that are no text as '\xff'.
    status : {'analysed', 'failed'}
    reason : str, optional
        Why it could not be analysed.
    warnings, note : str, optional
        Codes of the warnings; what the pose engine has to say, such as a fall-back to the CPU.
    left_out : str, optional
        Why exports that were wanted are not there.
    report : str, optional
        Folder of the result below that of all results; as `clip`, but fit to open it.
    lean_course : list of float
        Trunk lean over the run, degrees: medians of up to 40 equal parts.
    was_done : bool
        An earlier batch did it. Not in the tables.

    Notes
    -----
    The others are report.json's: lean and slouch are the change of the metric with its 95 %
    interval, in degrees.
    """

    clip: str
    status: str
    reason: str | None = None
    verdict: str | None = None
    onset_s: float | None = None
    onset_low_s: float | None = None
    onset_high_s: float | None = None
    lean_change_deg: float | None = None
    lean_low_deg: float | None = None
    lean_high_deg: float | None = None
    lean_verdict: str | None = None
    slouch_change_deg: float | None = None
    slouch_low_deg: float | None = None
    slouch_high_deg: float | None = None
    slouch_verdict: str | None = None
    cadence_spm: float | None = None
    view: str | None = None
    strides: int | None = None
    duration_s: float | None = None
    frames: int | None = None
    warnings: str | None = None
    note: str | None = None
    left_out: str | None = None
    sha256: str | None = None
    report: str | None = None
    lean_course: list[float] = field(default_factory=list)
    was_done: bool = False


def failed_row(clip: Clip, reason: str) -> Row:
    """Return the line of a clip that could not be analysed."""
    return Row(clip=as_text(clip.name), status="failed", reason=as_text(reason))


def read_row(clip: Clip, place: Path, *, was_done: bool = False) -> Row:
    """Read the line of a clip from the folder of its result."""
    report = json.loads((place / "report.json").read_text(encoding="utf-8"))
    metrics, verdict = report["metrics"], report["verdict"]
    onsets = [facts["onset_s"] for facts in metrics.values() if facts["onset_s"]]
    onset = next((o for o in onsets if o["value"] == verdict["onset_s"]), None)
    low, high = onset["ci95"] if onset else (None, None)
    return Row(
        clip=as_text(clip.name),
        status="analysed",
        verdict=verdict["label"],
        onset_s=verdict["onset_s"],
        onset_low_s=low,
        onset_high_s=high,
        **_read_change("lean", metrics["trunk_lean_deg"]),
        **_read_change("slouch", metrics["slouch_deg"]),
        cadence_spm=report["gait"]["cadence_spm"],
        view=report["capture"]["view"],
        strides=report["gait"]["strides"],
        duration_s=report["video"]["duration_s"],
        frames=report["video"]["frames_decoded"],
        warnings=" ".join(warning["code"] for warning in report["capture"]["warnings"]),
        note=report["engine"]["note"],
        left_out=" ".join(f"{reason}." for reason in read_left_out(place)) or None,
        sha256=report["video"]["sha256"],
        report=clip.name,
        lean_course=_read_course(place / "strides.parquet"),
        was_done=was_done,
    )


def _read_change(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    change = facts["change"]
    low, high = change["ci95"] or (None, None)
    return {
        f"{name}_change_deg": change["value"],
        f"{name}_low_deg": low,
        f"{name}_high_deg": high,
        f"{name}_verdict": change["verdict"],
    }


def _read_course(strides: Path) -> list[float]:
    with strides.open("rb") as file:  # by its name, Arrow can't open one that is no text
        lean = pq.read_table(file, columns=["trunk_lean_deg"]).column(0).to_numpy()
    parts = np.array_split(lean.astype(float), min(COURSE_POINTS, max(len(lean), 1)))
    known = (part[np.isfinite(part)] for part in parts)
    return [round(float(np.median(part)), 2) for part in known if len(part)]
