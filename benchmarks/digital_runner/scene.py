"""What happens in a scene: who runs, how, and how it is filmed, as plain values.

What changes over time is a course: a number, or keys ((seconds, value), ...) with straight lines
between them. A step is two keys close together.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digital_runner.body import Look

Floats = NDArray[np.float64]
Course = float | tuple[tuple[float, float], ...]


def course_at(course: Course, time_s: ArrayLike) -> Floats:
    """Value of a course at these times."""
    if isinstance(course, int | float):
        return np.full(np.shape(time_s), float(course))
    at, value = np.array(course, dtype=float).T
    return np.interp(time_s, at, value)


@dataclass(frozen=True)
class Run:
    """How the runner runs; seconds of the real run, degrees, metres.

    Attributes
    ----------
    cadence_spm, belt_m_s : course
    lean_deg : course
        Trunk lean: mid-hip to mid-shoulder (joint centres) against the vertical, + = forward.
    flexion_deg : course
        Thoracic flexion over that of the body at rest, spread over the spine's joints; the
        hip-shoulder line stays where `lean_deg` has it.
    head_deg : course
        Pitch of the head, + = looks down; 0 looks ahead whatever the trunk does.
    duty : course
        Share of the stride for which a foot stands.
    strike_deg : float
        Pitch of the foot as it lands, - = heel first.
    sway_deg : float
        Swing of the lean within each step.
    bounce_m : float
        Way of the hips up and down, peak to peak.
    pelvic_drop_deg : float
        How far the hip of the swinging leg sinks at mid-stance.
    lateral_lean_deg : course
        Trunk to the side, + = to the runner's right.
    arm_deg : float
        Swing of the upper arm, peak to peak.
    elbow_deg : float
        Inner angle of the elbow.
    hands_on_rail : bool
        Whether the hands hold the handrail.
    incline_pct : course
        Slope of the belt.
    """

    cadence_spm: Course = 165.0
    belt_m_s: Course = 2.7
    lean_deg: Course = 6.0
    flexion_deg: Course = 0.0
    head_deg: Course = 0.0
    duty: Course = 0.37
    strike_deg: float = -10.0
    sway_deg: float = 1.2
    bounce_m: float = 0.07
    pelvic_drop_deg: float = 5.0
    lateral_lean_deg: Course = 0.0
    arm_deg: float = 60.0
    elbow_deg: float = 88.0
    hands_on_rail: bool = False
    incline_pct: Course = 0.0


@dataclass(frozen=True)
class Filming:
    """How it is filmed.

    Attributes
    ----------
    view : {'right', 'left', 'rear'}
        Which side of the runner the camera sees; from the right the runner faces image right.
    yaw_deg : float
        Camera off that view, + = towards the runner's front (rear: towards the right side).
    distance_m, height_m : float
        Of the camera from the middle of the belt, and over it.
    person_px : float
        Height of the runner in the picture.
    width, height : int
        Upright picture, pixels.
    fps : float
        Frames per second of the real run.
    slow_motion : float
        The video's clock runs so many times slower.
    roll_deg, pan_deg, tilt_deg : course
        Turn of the camera: + = the picture's content turns anticlockwise, the camera turns to its
        right, up.
    zoom : course
        Factor on the focal length.
    dropped : float
        Share of frames lost.
    jitter_ms : float
        SD of the moment of each frame; its timestamp says the true moment.
    rotation_deg : int
        Stored turned, with the flag that turns it back: 0, 90, 180, 270.
    light : course
        1 = normal.
    light_yaw_deg : float
    background : int
        Which room.
    console, handrail : bool
    noise : float
        SD of the sensor's noise in grey levels at normal light.
    shutter : float
        Share of the frame interval for which the shutter is open (motion blur); 0 for none.
    crf : int
        H.264 quality: 18 good, 28 poor.
    preset : str
        How long the encoder may think.
    """

    view: str = "right"
    yaw_deg: float = 0.0
    distance_m: float = 3.2
    height_m: float = 1.1
    person_px: float = 330.0
    width: int = 640
    height: int = 432
    fps: float = 30.0
    slow_motion: float = 1.0
    roll_deg: Course = 0.0
    pan_deg: Course = 0.0
    tilt_deg: Course = 0.0
    zoom: Course = 1.0
    dropped: float = 0.0
    jitter_ms: float = 0.0
    rotation_deg: int = 0
    light: Course = 1.0
    light_yaw_deg: float = 30.0
    background: int = 0
    console: bool = True
    handrail: bool = False
    noise: float = 3.0
    shutter: float = 0.0
    crf: int = 23
    preset: str = "superfast"


@dataclass(frozen=True)
class Scene:
    """One video: everything that decides its pixels."""

    name: str
    seed: int
    seconds: float
    look: Look = field(default_factory=Look)
    run: Run = field(default_factory=Run)
    filming: Filming = field(default_factory=Filming)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)
