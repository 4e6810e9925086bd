"""The scenes that formcheck is held against: one set to choose things on, another to publish.

No figure of the published set was looked at while anything was being chosen: their runners, rooms
and cameras are drawn from other seeds.
"""

from dataclasses import dataclass, replace

import numpy as np
from digital_runner.body import random_look
from digital_runner.scene import Course, Filming, Run, Scene

PUBLISHED_SEED = 20261123
TUNING_SEED = 3
STRIDES_IN_A_PART = 24  # the least that is judged; parts are 40 % of a short recording
MARGIN_S = 3.0
LEAN_RISE_DEG = 4.0
FLEXION_RISE_DEG = 12.0


@dataclass(frozen=True)
class Planned:
    """A scene and what it is there for.

    Attributes
    ----------
    scene : Scene
    kind : str
        'steady', 'lean', 'flexion' (posture gives way), 'speed', 'incline' (to be warned of),
        'stairs' (posture in steps, for choosing), 'fast' (many frames a second), 'rear'.
    bump : str
        What the camera does: '' stands still, 'roll', 'shift', 'slide'.
    twin : str
        Name of the scene that is the same but for the bump.
    """

    scene: Scene
    kind: str
    bump: str = ""
    twin: str = ""

    @property
    def name(self) -> str:
        """Of the scene."""
        return self.scene.name


def published_scenes() -> list[Planned]:
    """Return the scenes of the published figures."""
    rng = np.random.default_rng(PUBLISHED_SEED)
    planned = []
    for i in range(32):
        planned.append(_long_scene(rng, f"steady-{i:02d}", i, "steady"))
    for i in range(18):
        planned.append(_long_scene(rng, f"lean-{i:02d}", i, "lean"))
    for i in range(20):
        planned.append(_long_scene(rng, f"flexion-{i:02d}", i, "flexion"))
    steady, lean = planned[0].scene, planned[32].scene
    for name, base, kind, bump, filming in (
        ("roll+1", steady, "steady", "roll", {"roll_deg": 1.0}),
        ("roll-2", planned[1].scene, "steady", "roll", {"roll_deg": -2.0}),
        ("roll+3", planned[2].scene, "steady", "roll", {"roll_deg": 3.0}),
        ("roll-5", planned[3].scene, "steady", "roll", {"roll_deg": -5.0}),
        ("shift", planned[4].scene, "steady", "shift", {"pan_deg": 2.0, "tilt_deg": 1.0}),
        ("slide", planned[5].scene, "steady", "slide",
         {"roll_deg": 3.0, "pan_deg": 1.5, "tilt_deg": -1.0}),
        ("zoom", planned[6].scene, "steady", "shift", {"zoom": 1.04}),
        ("roll+4", planned[7].scene, "steady", "roll", {"roll_deg": 4.0}),
        ("lean-roll-3", lean, "lean", "roll", {"roll_deg": -3.0}),
        ("lean-slide", planned[33].scene, "lean", "slide", {"roll_deg": 2.0, "pan_deg": -1.5}),
    ):  # fmt: skip
        start = {"zoom": 1.0}
        courses = {
            what: _growth(base.seconds, value, bump == "slide", start.get(what, 0.0))
            for what, value in filming.items()
        }
        scene = replace(
            base,
            name=f"bump-{name}",
            filming=replace(
                base.filming, **{k: _onto(base.filming, k, c) for k, c in courses.items()}
            ),
        )
        planned.append(Planned(scene, kind, bump, base.name))
    for i, (what, run) in enumerate((
        ("faster", {"belt_m_s": 1.12}),
        ("slower", {"belt_m_s": 0.88}),
        ("faster", {"belt_m_s": 1.08, "cadence_spm": 1.03}),
        ("uphill", {"incline_pct": 4.0}),
        ("uphill", {"incline_pct": 8.0}),
    )):  # fmt: skip
        base = _long_scene(rng, f"{what}-{i}", 3 * i + 1, "steady").scene
        changed = {
            key: _growth(base.seconds, value, False, 0.0)
            if key == "incline_pct"
            else _scaled(getattr(base.run, key), base.seconds, value)
            for key, value in run.items()
        }
        kind = "incline" if "incline_pct" in run else "speed"
        planned.append(Planned(replace(base, run=replace(base.run, **changed)), kind))
    for i in range(5):
        planned.append(_fast_scene(rng, f"fast-{i}", i))
    for i in range(4):
        planned.append(_rear_scene(rng, f"rear-{i}", i))
    return planned


def tuning_scenes() -> list[Planned]:
    """Return the scenes on which anything may be chosen."""
    rng = np.random.default_rng(TUNING_SEED)
    planned = []
    for i in range(20):
        scene = _draw(rng, f"stairs-{i:02d}", i, 26.0)
        run = scene.run
        order = rng.permutation(5)
        flexion = np.array([0.0, 12.0, 6.0, 20.0, 0.0])[order]
        lean = run.lean_deg + np.array([0.0, 0.0, 5.0, 2.5, 5.0])[order]
        run = replace(run, flexion_deg=_stairs(flexion), lean_deg=_stairs(lean))
        planned.append(Planned(replace(scene, run=run), "stairs"))
    for i in range(4):
        planned.append(_fast_scene(rng, f"tuning-fast-{i}", i))
    for i in range(10):
        planned.append(_long_scene(rng, f"tuning-steady-{i}", i, "steady"))
    for i in range(5):
        planned.append(_long_scene(rng, f"tuning-flexion-{i}", i, "flexion"))
    return planned


def _stairs(levels: np.ndarray) -> Course:
    """Five levels of five seconds, a short ramp between."""
    keys = [(5.0 * i + s, float(v)) for i, v in enumerate(levels) for s in (0.4, 5.0)]
    return tuple(keys)


def _growth(seconds: float, value: float, slow: bool, start: float = 0.0) -> Course:
    """From start to a value around the middle: at once, or slowly between the parts."""
    a, b = (0.25, 0.6) if slow else (0.5, 0.5 + 0.5 / seconds)
    return ((a * seconds, start), (b * seconds, value))


def _scaled(course: Course, seconds: float, factor: float) -> Course:
    assert isinstance(course, float)
    return ((0.45 * seconds, course), (0.5 * seconds, course * factor))


def _onto(filming: Filming, what: str, course: Course) -> Course:
    """Add a course to what is there already (a level offset)."""
    if what == "zoom":
        return course
    offset = getattr(filming, what)
    assert isinstance(offset, float)
    assert not isinstance(course, float)
    return tuple((at, value + offset) for at, value in course)


def _long_scene(rng: np.random.Generator, name: str, index: int, kind: str) -> Planned:
    """Just long enough to be judged."""
    scene = _draw(rng, name, index, 0.0)
    cadence = float(scene.run.cadence_spm)  # type: ignore[arg-type]
    seconds = 120 * STRIDES_IN_A_PART / (0.4 * cadence) + MARGIN_S
    a, b = 0.41 * seconds, 0.58 * seconds
    run = scene.run
    lean = float(run.lean_deg)  # type: ignore[arg-type]
    if kind == "lean":
        run = replace(run, lean_deg=((a, lean), (b, lean + LEAN_RISE_DEG)))
    if kind == "flexion":
        run = replace(run, flexion_deg=((a, 0.0), (b, FLEXION_RISE_DEG)))
    return Planned(replace(scene, seconds=seconds, run=run), kind)


def _fast_scene(rng: np.random.Generator, name: str, index: int) -> Planned:
    """Sixty frames a second and more, short: for foot events."""
    scene = _draw(rng, name, index, 12.0)
    fps = (60.0, 60.0, 120.0)[index % 3]
    filming = replace(scene.filming, fps=fps, yaw_deg=min(scene.filming.yaw_deg, 15.0), shutter=0.0)
    return Planned(replace(scene, filming=filming), "fast")


def _rear_scene(rng: np.random.Generator, name: str, index: int) -> Planned:
    scene = _draw(rng, name, index, 16.0)
    lateral = float(rng.uniform(-3, 3))
    run = replace(
        scene.run,
        lateral_lean_deg=((6.5, lateral), (9.0, lateral + float(rng.uniform(2, 5)))),
        pelvic_drop_deg=float(rng.uniform(3, 9)),
    )
    filming = replace(
        scene.filming, view="rear", yaw_deg=float(rng.uniform(-8, 8)), fps=30.0, console=True
    )
    return Planned(replace(scene, run=run, filming=filming), "rear")


def _draw(rng: np.random.Generator, name: str, index: int, seconds: float) -> Scene:
    """Draw a runner, a way to run and a way to film; `index` spreads what must be spanned."""
    look = random_look(rng)
    belt = float(rng.uniform(2.3, 3.6))
    run = Run(
        cadence_spm=float(np.clip(158 + 8 * (belt - 2.3) + rng.normal(0, 7), 150, 190)),
        belt_m_s=belt,
        lean_deg=float(rng.uniform(2, 11)),
        duty=float(np.clip(0.39 - 0.05 * (belt - 2.5) + rng.normal(0, 0.015), 0.30, 0.43)),
        strike_deg=float(rng.uniform(-16, 3)),
        sway_deg=float(rng.uniform(0.6, 2.0)),
        bounce_m=float(rng.uniform(0.055, 0.09)),
        pelvic_drop_deg=float(rng.uniform(3, 7)),
        arm_deg=float(rng.uniform(40, 75)),
        elbow_deg=float(rng.uniform(75, 105)),
    )
    person_px = float(rng.choice([200.0, 240.0, 300.0, 400.0], p=[0.25, 0.35, 0.3, 0.1]))
    height = int(2 * round(1.28 * person_px / 2))
    is_upright = index % 7 == 5
    width = int(2 * round(height * (0.8 if is_upright else 1.3) / 2))
    yaw = float((0.0, 0.0, 10.0, 5.0, 15.0, 20.0, 0.0, 30.0)[index % 8] * rng.choice([-1, 1]))
    filming = Filming(
        view=("right", "left")[index % 2] if index % 5 else ("left", "right")[index % 2],
        yaw_deg=yaw + float(rng.uniform(-1.5, 1.5)),
        distance_m=float(rng.uniform(2.6, 4.2)),
        height_m=float(rng.uniform(0.8, 1.5)),
        person_px=person_px,
        width=width,
        height=height,
        fps=float((30.0, 25.0, 24.0, 30.0, 25.0, 29.97)[index % 6]),
        roll_deg=float(rng.choice([0.0, 0.0, rng.uniform(-2, 2)])),
        dropped=float((0.0, 0.0, 0.0, 0.06, 0.0, 0.15)[index % 6]),
        jitter_ms=float((0.0, 3.0, 0.0, 0.0)[index % 4]),
        rotation_deg=int((0, 0, 0, 90, 0, 0, 270, 180)[(index + 3) % 8]),
        light=float((1.0, 1.0, 0.5, 1.25, 0.75)[index % 5]),
        light_yaw_deg=float(rng.uniform(-70, 70)),
        background=int(rng.integers(1000)),
        console=bool(rng.random() < 0.85),
        handrail=index % 4 == 2,
        noise=float(rng.uniform(2, 6)),
        shutter=0.5 if index % 20 == 4 else 0.0,
        crf=int(rng.integers(20, 28)),
    )
    seed = int(rng.integers(2**31))
    return Scene(name=name, seed=seed, seconds=seconds, look=look, run=run, filming=filming)
