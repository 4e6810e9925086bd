"""How to film a run, and why: the one source of `formcheck guide`, report.html and the docs.

Distances and heights come from the geometry of a pinhole camera, below; the rest was measured
(README, "How far to trust it"). Imports nothing that takes time.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# The main camera of phones: a 4:3 picture, whose diagonal is that of 24 x 36 mm film behind a lens
# of about 26 mm (24 to 28). Video of 16:9 keeps its long side.
LENS_MM = 26.0
LONG_SIDE_MM = 0.8 * math.hypot(24.0, 36.0)
VIDEO_LONG_TO_SHORT = 16 / 9

RUNNER_M = 1.8
HIP_SHARE = 0.53  # hip over the ground / body height (Winter 2009, after Drillis and Contini 1966)
DECK_M = 0.15  # top of a treadmill's belt over the floor
NEAR_M, FAR_M = 3.0, 4.0
ROOM_M = 0.5  # that a runner may wander along the belt
OFF_M = 0.2  # that the lens may be above or below the hips
FLOOR_OFF_M = 1.0  # and how far it is if the phone lies on the floor


def picture_height_m(distance_m: float) -> float:
    """How much of the runner's plane an upright phone sees from top to bottom, metres."""
    return distance_m * LONG_SIDE_MM / LENS_MM


def picture_width_m(distance_m: float) -> float:
    """How much of the runner's plane an upright phone sees from left to right, metres."""
    return picture_height_m(distance_m) / VIDEO_LONG_TO_SHORT


def lens_height_m() -> float:
    """How high over the floor the hips of a runner of 1.8 m are, who stands on the belt."""
    return DECK_M + HIP_SHARE * RUNNER_M


def lean_from_tilt_deg(lens_off_m: float, moved_m: float, distance_m: float) -> float:
    """How much a steady lean seems to change where the phone is tilted to aim at the hips.

    A phone held plumb draws a plane before it without distortion, however high it stands. Tilted by
    p, its verticals converge: at the side of the picture one stands askew by
    atan(moved / range * tan p), so a runner who wanders seems to lean.

    Parameters
    ----------
    lens_off_m : float
        Height of the lens over or under the hips, metres.
    moved_m : float
        How far the runner goes along the belt, metres.
    distance_m : float
        From the phone to the belt, level, metres.

    Returns
    -------
    float
        Degrees, without a sign.
    """
    tilt = lens_off_m / distance_m
    range_m = math.hypot(lens_off_m, distance_m)
    return abs(math.degrees(math.atan(moved_m / range_m * tilt)))


def gain_off_square(turned_deg: float) -> float:
    """Share of a small lean that is left in a view so far off square (geometry alone)."""
    return math.cos(math.radians(turned_deg))


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"


@dataclass(frozen=True)
class Plan:
    """Where the phone stands, in words; the drawing's labels."""

    distance: str
    lens_height: str


PLAN = Plan(f"{NEAR_M:.0f} to {FAR_M:.0f} m", f"about {lens_height_m():.1f} m")


@dataclass(frozen=True)
class Point:
    """One thing to do.

    Attributes
    ----------
    anchor : str
        Its id in report.html and in the docs.
    do : str
        In one line.
    why : str
        The reason, with what was measured or computed.
    codes : tuple of str
        The warnings (`capture.warnings`) that it prevents.
    """

    anchor: str
    do: str
    why: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Points that belong together, under one heading."""

    title: str
    points: tuple[Point, ...]


GUIDE = (
    Part(
        "Where the phone stands",
        (
            Point(
                "film-square",
                "From the side, square to the belt.",
                "Lean and slouch show from the side only. Off square they shrink: of a change of "
                f"lean {_per_cent(gain_off_square(20))} is left at 20° by geometry, "
                f"{_per_cent(gain_off_square(30))} at 30°; we measured 90 % up to 20° and 83 % at "
                "30°. Which side doesn't matter: take the one without console or rail in the way.",
                ("oblique_view",),
            ),
            Point(
                "film-distance",
                f"{PLAN.distance} away, the phone upright, no zoom.",
                f"A runner of {RUNNER_M} m then fills "
                f"{_per_cent(RUNNER_M / picture_height_m(NEAR_M))} to "
                f"{_per_cent(RUNNER_M / picture_height_m(FAR_M))} of the height, and the picture "
                f"is {picture_width_m(NEAR_M):.1f} to {picture_width_m(FAR_M):.1f} m wide: room "
                "for the stride. Nearer, a step along the belt turns the view; "
                "further, the body is small. We measured with runners 200 to 400 pixels tall.",
            ),
            Point(
                "film-height",
                f"The lens at hip height, {PLAN.lens_height} over the floor; not tilted.",
                f"From the floor, {FLOOR_OFF_M:.0f} m too low and tilted up, a runner who moves "
                f"{100 * ROOM_M:.0f} cm along the belt seems to lean "
                f"{lean_from_tilt_deg(FLOOR_OFF_M, ROOM_M, NEAR_M):.0f}° more or less; "
                f"{100 * OFF_M:.0f} cm off, {lean_from_tilt_deg(OFF_M, ROOM_M, NEAR_M):.1f}°. "
                "If hip height can't be had, keep the phone plumb and step back.",
            ),
            Point(
                "film-camera-fixed",
                "On a tripod or a shelf, untouched to the end.",
                "A phone that turns by 5° reads as 4.9° of lean. A turn is found from the "
                "background and taken out, to 0.05°; a phone that follows the runner can't be put "
                "right.",
                ("camera_moves", "camera_turned", "camera_shifted"),
            ),
        ),
    ),
    Part(
        "What is in the picture",
        (
            Point(
                "film-whole-body",
                "The whole body, head to shoes, with room on every side.",
                "What leaves the picture is not measured. Feet and head count, too: steps and "
                "slouch come from them.",
                ("runner_lost",),
            ),
            Point(
                "film-background",
                "Something that stands still behind the runner; nobody else.",
                "A moved phone is told from moved posture by the background: a shelf, a door, the "
                "treadmill's frame. Somebody who crosses the picture may be taken for the runner.",
                ("background_unclear", "several_people"),
            ),
            Point(
                "film-light",
                "Bright, even light from the front or the side; no window behind.",
                "Against the light the body is a shadow, in which left and right leg look alike. "
                "When it gets brighter or darker, the points found may move. In little light the "
                "shutter stays open longer: at 3 m/s a foot smears over 10 cm in 1/30 of a second.",
                ("light_changed", "legs_swapped"),
            ),
        ),
    ),
    Part(
        "The phone's settings",
        (
            Point(
                "film-frame-rate",
                "60 frames a second, 1080p or 720p.",
                "A foot contact lasts a quarter to a third of a second, and is known to a frame at "
                "best: 33 ms at 30 frames a second, 17 ms at 60. At 24 to 30 we found contact "
                "times within 21 ms (SD); of 60 we measured too little to say more. Lean and "
                "slouch do with 30. 4K only makes the file larger: the pose network sees "
                "256 × 256 pixels.",
                ("low_frame_rate",),
            ),
            Point(
                "film-normal-speed",
                "Normal speed, no slow motion.",
                "Slow motion is often stored as if it were normal, and 160 steps a minute read "
                "as 20. If that is what you have: --slow-motion 8, or --capture-fps 240.",
            ),
            Point(
                "film-one-take",
                "One recording without a cut, copied whole from the phone.",
                "After a cut the view may be another. Copy by cable or the phone's own sharing: "
                "messengers shorten and shrink videos, and a broken copy ends early.",
                ("cuts", "cut_off", "damaged"),
            ),
        ),
    ),
    Part(
        "The run",
        (
            Point(
                "film-steady-run",
                "One speed, one incline, one place on the belt.",
                "Posture changes with speed and slope, so a change could be theirs. Half a leg's "
                "length further along the belt, the camera sees you from another angle.",
                ("speed_changed", "runner_moved"),
            ),
            Point(
                "film-hands-free",
                "Hands off the rail.",
                "Who holds on leans otherwise.",
                ("holds_handrail",),
            ),
            Point(
                "film-length",
                "Two minutes at least, best the whole run.",
                "Early and late part need 24 strides each, so under 45 s nothing can be said. "
                "Posture gives way at the end of a long run: an hour is read in about a minute.",
            ),
        ),
    ),
)
POINTS = {point.anchor: point for part in GUIDE for point in part.points}


def point_for(code: str) -> str | None:
    """Return the anchor of what would have prevented a warning, None for a code not known."""
    return next((point.anchor for point in POINTS.values() if code in point.codes), None)


def render_guide(template: str = "guide.html") -> str:
    """Return the guide as HTML that refers to nothing outside.

    Parameters
    ----------
    template : str
        "guide.html", a page; "filming.html", a section for a page with palette.css's colours;
        "filming_drawing.html", the drawing alone.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("formcheck", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(guide=GUIDE, plan=PLAN)


def print_guide(console: "Console") -> None:
    """Print the guide, one point after the other, the reason below it."""
    from rich.padding import Padding
    from rich.text import Text

    console.print(Text("How to film a run", style="bold"))
    for part in GUIDE:
        console.print(Text(f"\n{part.title}", style="bold"))
        for point in part.points:
            console.print(Text(f"- {point.do}", style="green"))
            console.print(Padding(Text(point.why), (0, 0, 0, 2)))
