"""What the log knows of a run: what the runner says, what the video and the watch say."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar

DateSource = Literal["stored", "file", "video", "activity", "given"]
# From the one that is trusted least: the time of a file is often that of its copy.
DATE_SOURCES: tuple[DateSource, ...] = ("stored", "file", "video", "activity", "given")
DATE_SOURCE_WORDS = {
    "stored": "when it was analysed or stored",
    "file": "time of the file",
    "video": "the video's own creation time",
    "activity": "the watch",
    "given": "as given",
}
WORST_PAIN = 10
_Value = TypeVar("_Value", str, float)


@dataclass(frozen=True)
class When:
    """A time with its offset from UTC, and where it was learnt."""

    time: datetime
    source: DateSource

    def or_better(self, other: "When | None") -> "When":
        """Return the one that is trusted more; of two alike, this one: a file moved is newer."""
        rank = DATE_SOURCES.index
        return other if other and rank(other.source) > rank(self.source) else self


@dataclass(frozen=True)
class Pain:
    """How much it hurt, 0 to 10; of no pain at all, the place is 'none'."""

    place: str
    level: int


NO_PAIN = Pain("none", 0)


@dataclass(frozen=True)
class Filmed:
    """What an analysis said; changes are late minus early in degrees, with their 95 % interval.

    Attributes
    ----------
    recorded_s : float
        Real seconds that the video shows.
    spoilers : str
        Codes of the warnings for which a change may come from something else than the runner.
    onset_s, onset_low_s, onset_high_s : float, optional
        When posture began to give way, real seconds of the video, with its interval.
    cadence_spm, cadence_low_spm, cadence_high_spm : float
        Steps a minute, with their interval.
    result_path : str
        Folder of the result.
    """

    sha256: str
    path: str
    recorded_s: float
    view: str
    verdict: str
    spoilers: str
    lean_change_deg: float | None
    lean_low_deg: float | None
    lean_high_deg: float | None
    lean_verdict: str
    slouch_change_deg: float | None
    slouch_low_deg: float | None
    slouch_high_deg: float | None
    slouch_verdict: str
    onset_s: float | None
    onset_low_s: float | None
    onset_high_s: float | None
    cadence_spm: float
    cadence_low_spm: float
    cadence_high_spm: float
    slow_motion_factor: float
    formcheck_version: str
    result_path: str


@dataclass(frozen=True)
class Activity:
    """What a watch recorded.

    Attributes
    ----------
    sha256, name, format
        Of its file; the format is 'fit' or 'gpx'.
    started : datetime
        With its offset from UTC.
    distance_m : float, optional
    elapsed_s, moving_s : float
        From start to end, and without the pauses.
    cadence_spm : float, optional
        Mean over the moving time, steps (of both feet) a minute.
    """

    sha256: str
    name: str
    format: str
    started: datetime
    distance_m: float | None
    elapsed_s: float
    moving_s: float
    cadence_spm: float | None


@dataclass(frozen=True)
class Details:
    """What the runner says of a run: None is not said, an empty text or 0 takes back."""

    started: datetime | None = None
    distance_m: float | None = None
    duration_s: float | None = None
    shoes: str | None = None
    surface: str | None = None
    pains: tuple[Pain, ...] | None = None
    notes: str | None = None


@dataclass(frozen=True)
class Run:
    """A run in the log.

    Attributes
    ----------
    id : int
        As the commands name it; 0 before it is stored.
    uid : str
        Known again in another database.
    distance_m, duration_s
        As the runner gave them; `total_m` and `lasted_s` are the best that is known.
    pains : tuple of Pain
        Empty where nothing was said, which is not the same as no pain.
    """

    id: int
    uid: str
    when: When
    distance_m: float | None = None
    duration_s: float | None = None
    shoes: str | None = None
    surface: str | None = None
    notes: str | None = None
    pains: tuple[Pain, ...] = ()
    filmed: Filmed | None = None
    activity: Activity | None = None

    @property
    def total_m(self) -> float | None:
        """Distance as given, else as the watch has it."""
        if self.distance_m is None and self.activity is not None:
            return self.activity.distance_m
        return self.distance_m

    @property
    def lasted_s(self) -> float | None:
        """Duration as given, else the watch's moving time; a video may show a part only."""
        if self.duration_s is None and self.activity is not None:
            return self.activity.moving_s
        return self.duration_s

    @property
    def worst_pain(self) -> int | None:
        """The highest level, or None where nothing was said."""
        return max((pain.level for pain in self.pains), default=None)

    def told(self, details: Details) -> "Run":
        """Return the run with what the runner now says of it."""
        changed = replace(
            self,
            distance_m=_choose(details.distance_m, self.distance_m),
            duration_s=_choose(details.duration_s, self.duration_s),
            shoes=_choose(details.shoes, self.shoes),
            surface=_choose(details.surface, self.surface),
            notes=_choose(details.notes, self.notes),
            pains=self.pains if details.pains is None else details.pains,
        )
        if details.started is not None:
            changed = replace(changed, when=When(details.started, "given"))
        return changed


def _choose(said: _Value | None, known: _Value | None) -> _Value | None:
    return known if said is None else said or None
