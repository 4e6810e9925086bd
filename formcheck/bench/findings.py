"""What was found, and the ratios in it; rates in frames per second, times in seconds."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from formcheck.bench.machine import Machine
from formcheck.video.reader import VideoInfo

SCHEMA = "formcheck.bench/1"
END_TO_END, WHOLE_PROCESS = "end_to_end", "whole_process"


@dataclass(frozen=True)
class Case:
    """What finds the poses; `precision` is 'full', or 'reduced' for bfloat16."""

    engine: str
    model: str
    precision: str = "full"

    def __str__(self) -> str:
        return f"{self.engine}, {self.model} model, {self.precision} precision"


BASELINE = Case("opencv+mediapipe", "full")  # the usual loop


@dataclass(frozen=True)
class Measurement:
    """What one stage of a case took.

    Attributes
    ----------
    name : str
    case : Case
    frames : int
        Of the video, that went through it in each repeat.
    seconds : tuple of float
        One for each repeat.
    peak_mib : float or None
        Largest resident memory in any repeat; of a whole process only.
    """

    name: str
    case: Case
    frames: int
    seconds: tuple[float, ...]
    peak_mib: float | None = None

    @property
    def frames_per_s(self) -> tuple[float, ...]:
        """One rate for each repeat."""
        return tuple(self.frames / seconds for seconds in self.seconds)

    def times_as_fast(self, other: "Measurement") -> float:
        """Median of the repeats' ratios: what slows both leaves them as they are."""
        pairs = zip(self.frames_per_s, other.frames_per_s, strict=True)
        return median(own / theirs for own, theirs in pairs)


@dataclass(frozen=True)
class EngineUsed:
    """Where an engine ran its network, in which numbers; `note` is its line for the user."""

    case: Case
    device: str
    computes_in: str
    note: str | None


@dataclass(frozen=True)
class Skipped:
    """What could not be measured, and why, in one line."""

    case: Case
    reason: str


@dataclass(frozen=True)
class Bench:
    """All that was found."""

    video: Path
    clip: VideoInfo
    clip_frames: int
    repeats: int
    machine: Machine
    versions: dict[str, str | None]
    engines: list[EngineUsed]
    measurements: list[Measurement]
    skipped: list[Skipped]

    def find(self, name: str, case: Case) -> Measurement | None:
        """Return the measurement of this name, if it was made."""
        return next((m for m in self.measurements if (m.name, m.case) == (name, case)), None)

    def times_baseline(self, measured: Measurement) -> float | None:
        """How many times as fast as the usual loop, timed in the same way; None for a part."""
        loop = self.find(measured.name, BASELINE)
        return None if loop is None else measured.times_as_fast(loop)

    def share_of_end_to_end(self, measured: Measurement) -> float | None:
        """How much of a frame's time end to end this takes when it runs alone."""
        whole = self.find(END_TO_END, measured.case)
        return None if whole is None else whole.times_as_fast(measured)

    def to_report(self) -> dict[str, Any]:
        """Return the content of the JSON: plain values, None for what is not known."""
        clip = dataclasses.asdict(self.clip)
        return {
            "schema": SCHEMA,
            "video": clip | {"path": str(self.video), "frames": self.clip_frames},
            "repeats": self.repeats,
            "machine": dataclasses.asdict(self.machine),
            "versions": self.versions,
            "engines": [_to_flat(engine) for engine in self.engines],
            "measurements": [self._describe(measured) for measured in self.measurements],
            "skipped": [_to_flat(skipped) for skipped in self.skipped],
        }

    def _describe(self, measured: Measurement) -> dict[str, Any]:
        rates = measured.frames_per_s
        return _to_flat(measured) | {
            "frames_per_s": {"median": median(rates), "min": min(rates), "max": max(rates)},
            "times_baseline": self.times_baseline(measured),
            "share_of_end_to_end": self.share_of_end_to_end(measured),
        }


def _to_flat(found: Measurement | EngineUsed | Skipped) -> dict[str, Any]:
    values = dataclasses.asdict(found)
    case: dict[str, Any] = values.pop("case")
    return case | values
