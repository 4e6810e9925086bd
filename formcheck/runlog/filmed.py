"""What the log keeps of an analysis, and when its video was filmed."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from formcheck.drift import Change
from formcheck.errors import FormcheckError
from formcheck.names import as_text
from formcheck.result import Analysis
from formcheck.runlog.run import Filmed, When
from formcheck.runlog.words import require_likely, with_offset
from formcheck.video.reader import hash_file, read_metadata

# Phones write the second, which has the offset of the place, besides the first, which is in UTC.
CREATION_TAGS = ("com.apple.quicktime.creationdate", "creation_time")


def describe_filmed(analysis: Analysis, folder: Path) -> Filmed:
    """Return what the log keeps of an analysis whose result lies in a folder."""
    onset, gait, capture = analysis.onset, analysis.gait, analysis.capture
    lean, slouch = (analysis.metrics[c].change for c in ("trunk_lean_deg", "slouch_deg"))
    onset_low, onset_high = onset.ci95 if onset is not None else (None, None)
    return Filmed(
        sha256=analysis.video.sha256,
        path=as_text(analysis.video.path),
        recorded_s=analysis.video.duration_s / capture.slow_motion_factor,
        view=capture.view,
        verdict=analysis.verdict.label,
        spoilers=" ".join(w.code for w in capture.warnings if w.spoils_verdict),
        lean_change_deg=lean.value,
        lean_low_deg=_ends(lean)[0],
        lean_high_deg=_ends(lean)[1],
        lean_verdict=lean.verdict,
        slouch_change_deg=slouch.value,
        slouch_low_deg=_ends(slouch)[0],
        slouch_high_deg=_ends(slouch)[1],
        slouch_verdict=slouch.verdict,
        onset_s=analysis.verdict.onset_s,
        onset_low_s=onset_low,
        onset_high_s=onset_high,
        cadence_spm=gait.cadence_spm,
        cadence_low_spm=gait.cadence_ci95[0],
        cadence_high_spm=gait.cadence_ci95[1],
        slow_motion_factor=capture.slow_motion_factor,
        formcheck_version=analysis.formcheck_version,
        result_path=as_text(str(folder.absolute())),
    )


def find_filming_time(analysis: Analysis, folder: Path) -> When | None:
    """Return when the video was filmed, as it says itself, else the time of its file.

    Where the video is gone or is another by now, the time of the result's report stands in: one
    that any other time is better than.
    """
    video = Path(analysis.video.path)
    try:
        if hash_file(video) == analysis.video.sha256:
            return _read_creation_time(video) or _read_file_time(video)
    except (OSError, ValueError):
        pass  # it is gone, or copied by a machine without a clock
    try:
        return replace(_read_file_time(folder / "report.json"), source="stored")
    except (OSError, ValueError):
        return None


def _ends(change: Change) -> tuple[float | None, float | None]:
    return change.ci95 or (None, None)


def _read_creation_time(video: Path) -> When | None:
    try:
        metadata = read_metadata(video)
    except FormcheckError:
        return None
    for tag in CREATION_TAGS:
        text = metadata.get(tag, "")
        try:
            time = datetime.fromisoformat(text)
            # UTC tells nothing of the place, so take that of this machine
            time = time.astimezone() if not time.utcoffset() else time
            return When(require_likely(with_offset(time), text), "video")
        except (ValueError, OverflowError):
            continue  # none, or a clock that was never set (1904, 1970)
    return None


def _read_file_time(path: Path) -> When:
    time = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    return When(require_likely(time, path.name), "file")
