"""The result of an analysis: the same content as report.json, typed, plus the arrays behind it."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from formcheck.drift import Change, Estimate, Part
from formcheck.keypoints import Keypoints
from formcheck.metrics.angles import FrameAngles
from formcheck.signals.strides import Strides
from formcheck.video.moments import Moment

SCHEMA = "formcheck.report/1"

Label = Literal["degraded", "held", "changed", "inconclusive", "insufficient_data"]


@dataclass(frozen=True)
class SamplingFacts:
    """What was watched of a video that was not watched whole; seconds on the video's own clock."""

    windows: int
    window_s: float
    watched_s: float

    def in_words(self, duration_s: float) -> str:
        """Say what was watched of a video of this length."""
        share = 100 * self.watched_s / duration_s
        return (
            f"{self.windows} windows of {self.window_s:.0f} s spread over the video, {share:.0f} % "
            "of it (--sample all watches all)"
        )


@dataclass(frozen=True)
class VideoFacts:
    """The file as it was read; sizes after rotation, fps in the video's own time.

    `watched_fps` is less than `fps` where frames were left out for being more than are needed.
    """

    path: str
    sha256: str
    duration_s: float
    fps: float
    watched_fps: float
    variable_frame_rate: bool
    width: int
    height: int
    rotation_deg: int
    codec: str
    frames_decoded: int
    frames_analysed: int
    sampling: SamplingFacts | None = None


@dataclass(frozen=True)
class EngineFacts:
    """What found the body; `note` is a line for the user, such as a fall-back to the CPU."""

    name: str
    model: str
    device: str
    note: str | None = None
    precision: str = "float32"


@dataclass(frozen=True)
class Warning:
    """Something about the video that the reader should know.

    `spoils_verdict` says that a change seen may come from this and not from the runner.
    """

    code: str
    text: str
    spoils_verdict: bool = False


@dataclass(frozen=True)
class CameraFacts:
    """What the camera did between start and end, and what was done about it."""

    roll_deg: float | None
    shift_pct: float | None
    zoom_pct: float | None
    done: str


@dataclass(frozen=True)
class Capture:
    """How the run was filmed."""

    view: str
    direction: int
    turned_deg: float
    near_side: str
    slow_motion_factor: float
    camera: CameraFacts
    warnings: list[Warning]

    @property
    def lean_column(self) -> str:
        """The lean of the trunk that this view shows: forward from the side, else sideways."""
        return "trunk_lean_deg" if self.view == "side" else "lateral_trunk_lean_deg"


@dataclass(frozen=True)
class GaitFacts:
    """Rhythm of the whole recording; times in real seconds."""

    cadence_spm: float
    cadence_ci95: tuple[float, float]
    strides: int
    stride_time_s: float
    stride_time_cv_pct: float
    foot: str
    frame_interval_ms: float


@dataclass(frozen=True)
class MetricFacts:
    """One metric over the run; numbers are None where it can't be measured, `note` says why.

    `uncertainty` is the half-width of the 95 % interval of `mean`, including what the frame
    interval leaves open for foot events.
    """

    label: str
    unit: str
    mean: float | None
    sd: float | None
    uncertainty: float | None
    baseline: Part
    late: Part
    change: Change
    trend_per_hour: Estimate | None
    onset_s: Estimate | None
    note: str | None = None

    @property
    def is_compared(self) -> bool:
        """Whether early and late were compared; else their means would only look like a change."""
        return self.change.value is not None


@dataclass(frozen=True)
class Verdict:
    """The answer: did posture hold to the end."""

    label: Label
    onset_s: float | None
    text: str
    reasons: list[str]


@dataclass(frozen=True)
class Operation:
    """One step that was applied, with its settings."""

    name: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Series:
    """The arrays behind the report.

    Attributes
    ----------
    keypoints : Keypoints
        Clean, source pixels, real seconds.
    video_time_s : array, shape (time,)
        The container's own presentation times; differ from `keypoints.time_s` in slow motion.
    angles : FrameAngles
    strides : Strides
    values : dict of array, shape (stride,)
        Every metric per stride, by column name.
    swapped : dict of array, shape (time,)
        Where left and right of legs and arms were exchanged back.
    camera_roll_deg : array, shape (time,)
        Turn of the picture about its centre that was taken out of the keypoints, + = clockwise;
        drawing on the video puts it back.
    """

    keypoints: Keypoints
    video_time_s: NDArray[np.float64]
    angles: FrameAngles
    strides: Strides
    values: dict[str, NDArray[np.float64]]
    swapped: dict[str, NDArray[np.bool_]]
    camera_roll_deg: NDArray[np.float64]


@dataclass(frozen=True)
class Analysis:
    """Everything known about one video of a run.

    `series` and `moments`, a few pictures of the people, are not in report.json; the moments are
    not kept in any file but the page.
    """

    formcheck_version: str
    video: VideoFacts
    engine: EngineFacts
    capture: Capture
    gait: GaitFacts
    metrics: dict[str, MetricFacts]
    verdict: Verdict
    provenance: list[Operation]
    series: Series = field(repr=False)
    moments: list[Moment] = field(default_factory=list, repr=False)
    schema: str = SCHEMA

    @property
    def onset(self) -> Estimate | None:
        """When posture began to give way, by the metric in which it did so first."""
        known = [facts.onset_s for facts in self.metrics.values() if facts.onset_s is not None]
        told = self.verdict.onset_s
        return next((onset for onset in known if onset.value == told), None)

    def setting(self, name: str) -> Any:
        """Return a setting of the operations applied, the last one told; None if there is none."""
        settings = (operation.settings.get(name) for operation in reversed(self.provenance))
        return next((value for value in settings if value is not None), None)

    def to_report(self) -> dict[str, Any]:
        """Return the content of report.json: plain values, None for what is not known."""
        told = (f.name for f in dataclasses.fields(self) if f.name not in ("series", "moments"))
        shown = {name: getattr(self, name) for name in told}
        return {"schema": shown.pop("schema")} | _plain(shown)


def _plain(value: Any) -> Any:
    """Turn dataclasses, arrays and NaN into what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
