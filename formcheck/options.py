"""What the user may set."""

from dataclasses import dataclass, field
from typing import Literal

from formcheck.metrics import Metric
from formcheck.signals.cleaning import CleaningSettings
from formcheck.signals.orientation import View
from formcheck.video.sampling import Sampling

EngineName = Literal["blazepose", "mediapipe"]


@dataclass(frozen=True)
class Options:
    """What the user may set.

    Attributes
    ----------
    engine : {'blazepose', 'mediapipe'}
        What runs the pose networks.
    model : {'lite', 'full', 'heavy'}
    device : {'auto', 'cpu', 'cuda', 'coreml', 'directml'}
        Where it runs them; the mediapipe engine takes the last three for its own way to a GPU.
    precision : {'full', 'reduced'}
        Of the blazepose engine's network.
    view, direction : optional
        Overrule what is found; direction is +1 for facing image right, -1 for left.
    sampling : Sampling
        How much of the video is watched.
    max_fps : float
        Where more than twice as many frames were filmed in a second, only some are watched.
    slow_motion : float, optional
        How many times slower than life the video plays.
    capture_fps : float, optional
        Frames per second at which it was captured: another way to say the same.
    height_cm : float, optional
        Stature, for vertical oscillation in centimetres.
    lean_threshold, slouch_threshold : float, optional
        Smallest change worth reporting, degrees.
    cleaning : CleaningSettings
    """

    engine: EngineName = "blazepose"
    model: Literal["lite", "full", "heavy"] = "full"
    device: Literal["auto", "cpu", "cuda", "coreml", "directml"] = "auto"
    precision: Literal["full", "reduced"] = "full"
    view: View | None = None
    direction: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    max_fps: float = 60.0
    slow_motion: float | None = None
    capture_fps: float | None = None
    height_cm: float | None = None
    lean_threshold: float | None = None
    slouch_threshold: float | None = None
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)

    def threshold(self, metric: Metric) -> float | None:
        """Smallest change of a metric worth reporting."""
        chosen = {"trunk_lean_deg": self.lean_threshold, "slouch_deg": self.slouch_threshold}
        told = chosen.get(metric.column)
        return metric.threshold if told is None else told
