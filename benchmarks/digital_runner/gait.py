"""How the runner moves: every bone's turn and place at any moments.

The joint angles of the leg in the air are keyed after the curves that these two give for running
at 2.5 to 3.5 m/s, as is the share of the stride for which a foot stands:

- Novacheck TF (1998). The biomechanics of running. Gait & Posture 7(1), 77-95.
- Fukuchi RK, Fukuchi CA, Duarte M (2017). A public dataset of running biomechanics and the
  effects of running speed on lower extremity kinematics and kinetics. PeerJ 5, e3298.

While a foot stands it goes with the belt, heel first, then flat, then on the ball with the toes
flat, and the knee follows by inverse kinematics: what touches the belt never slides.

A pitch turns y towards z: the trunk forward, a straight leg backward, the toes down.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from digital_runner.body import JOINTS, Body, Pose, pose_bones
from digital_runner.scene import Run, course_at

Floats = NDArray[np.float64]

STRIDE_TO_STRIDE = 0.6  # correlation of neighbouring strides
LEAN_SD_DEG = 0.5  # from stride to stride; 0.3 to 0.9 on real treadmill runners
CADENCE_SD = 0.01  # share; stride time of trained runners varies by 1 to 2 %
PLACE_SD_M = 0.012  # along the belt
ARM_SD = 0.05

# The rig's legs bend 2 cm outside and 3 cm behind the hip joint of people, as far as a mesh tells:
# the centre lies 47 mm behind the front of the iliac crest (Harrington et al. 2007, J Biomech 40,
# 595-602, for a pelvis 155 mm deep), and where people mark hips in pictures (the regressor of COCO
# points in `anny`) differs from the rig by this: outward, up, forward, at legs of 0.86 m.
HIP_CENTRE_M = np.array([-0.019, -0.022, 0.027])

# The leg in the air: % of the stride from contact at a stance of 36 %, then degrees of hip flexion,
# knee flexion and ankle dorsiflexion
SWING_KEYS_STANCE = 0.36
SWING = np.array([(45, -2, 46, -22), (55, 18, 82, -8), (65, 38, 98, 0), (75, 48, 92, 4),
                  (84, 50, 66, 6), (92, 45, 36, 7), (97, 38, 17, 6)], dtype=float)  # fmt: skip
PELVIS_TILT_DEG = 10.0  # between a hip angle and the thigh's angle against the vertical
# Pitch of the standing foot after landing: share of the stance, degrees
STANCE_PITCH = ((0.16, 0.0), (0.48, 0.0), (0.76, 20.0), (1.0, 60.0))
LANDED_AHEAD = 0.53  # share of the way with the belt that lies before the hips
REACH = 0.992  # of the straight leg's length, at most
STEP_HALF_WIDTH_M = 0.045
HEEL_BEHIND_ANKLE_M = 0.045
FOREARM_TWIST_DEG = (30.0, 50.0, 70.0)  # at the elbow, half way down, at the wrist
RAIL_M = np.array([0.36, 0.98, 0.42])  # where the left hand holds it: x, y, z

# Share of the thoracic flexion that each bone has taken up, and how the neck goes back to the head
FLEXION = {"spine05": 0.0, "spine04": 0.0, "spine03": 0.2, "spine02": 0.55, "spine01": 1.0}
LEAN = {"spine05": 0.9, "spine04": 1.0, "spine03": 1.0, "spine02": 1.0, "spine01": 1.0}
NECK = {"neck01": 0.3, "neck02": 0.6, "neck03": 0.85}


@dataclass(frozen=True)
class Motion:
    """The runner at some moments.

    Attributes
    ----------
    time_s : array, shape (time,)
    pose : dict
        Of each bone: turn (time, 3, 3) and place of its head (time, 3).
    belt_m : array, shape (time,)
        Way the belt has gone.
    lean_deg, flexion_deg, head_deg, cadence_spm : array, shape (time,)
        Lean and flexion as the bones stand; the cadence of the stride under way.
    contact_s, toe_off_s : dict of array
        Per foot, all within the times asked for.
    """

    time_s: Floats
    pose: Pose
    belt_m: Floats
    lean_deg: Floats
    flexion_deg: Floats
    head_deg: Floats
    cadence_spm: Floats
    contact_s: dict[str, Floats]
    toe_off_s: dict[str, Floats]


def _turn(axis: str, degrees: Floats | float) -> Floats:
    angles = np.asarray(degrees, dtype=float)
    turns = Rotation.from_euler(axis, angles.reshape(-1, 1), degrees=True).as_matrix()
    return np.asarray(turns.reshape(*angles.shape, 3, 3))


def pitch(degrees: Floats | float) -> Floats:
    """Turn that carries y towards z."""
    return _turn("x", degrees)


def yaw(degrees: Floats | float) -> Floats:
    """Turn that carries z towards x, the runner's left."""
    return _turn("y", degrees)


def roll(degrees: Floats | float) -> Floats:
    """Turn that carries x towards y: the runner's left side up, the trunk to the right."""
    return _turn("z", degrees)


@dataclass(frozen=True)
class Legs:
    """Lengths of a leg, and where ground contact lies from the ankle: (y, z), metres."""

    thigh: float
    shank: float
    heel: Floats
    ball: Floats

    @staticmethod
    def of(body: Body) -> "Legs":
        """Measure them, shoes on."""
        hip, knee, ankle = (body.heads[JOINTS[f"right_{j}"]] for j in ("hip", "knee", "ankle"))
        sole = body.vertices[np.unique(body.faces), 1].min()
        ball = body.heads["toe1-1.R"]
        return Legs(
            float(np.linalg.norm(knee - hip)),
            float(np.linalg.norm(ankle - knee)),
            np.array([sole - ankle[1], -HEEL_BEHIND_ANKLE_M]),
            np.array([sole - ankle[1], ball[2] - ankle[2]]),
        )


@dataclass(frozen=True)
class Strides:
    """When each foot lands and lifts, and what varies from stride to stride.

    `knots_s` are the right foot's landings, one before the start and some after the end.
    """

    knots_s: Floats
    duty: Floats
    wander: dict[str, Floats]

    def phase(self, time_s: Floats) -> Floats:
        """Strides of the right foot since its first landing."""
        return np.interp(time_s, self.knots_s, np.arange(len(self.knots_s)))

    def time(self, phase: Floats) -> Floats:
        """Undo `phase`."""
        return np.interp(phase, np.arange(len(self.knots_s)), self.knots_s)

    def smooth(self, name: str, phase: Floats) -> Floats:
        """Slow random variation with SD 1."""
        return PchipInterpolator(np.arange(len(self.knots_s)), self.wander[name])(phase)

    def place(self, time_s: Floats) -> Floats:
        """Return how far before the belt's middle the hips are, metres."""
        return PLACE_SD_M * self.smooth("place", self.phase(time_s))


def plan_strides(run: Run, seconds: float, seed: int) -> Strides:
    """Lay out the strides from a little before 0 to a little after the end."""
    rng = np.random.default_rng(seed)
    mean_s = 120 / course_at(run.cadence_spm, 0.0)
    count = int(1.5 * seconds / mean_s) + 12

    def wander() -> Floats:
        steps = rng.normal(size=count + 1)
        for i in range(1, count + 1):
            steps[i] = STRIDE_TO_STRIDE * steps[i - 1] + (
                np.sqrt(1 - STRIDE_TO_STRIDE**2) * steps[i]
            )
        return steps

    names = ("time", "lean", "arm", "place")
    varied = {name: wander() for name in names}
    knots = [-2.0 * float(mean_s) * (1 + 0.3 * rng.random())]
    for i in range(count):
        duration = 120 / float(course_at(run.cadence_spm, knots[-1]))
        knots.append(knots[-1] + duration * (1 + CADENCE_SD * varied["time"][i]))
    knots_s = np.array(knots)
    return Strides(knots_s, course_at(run.duty, knots_s), varied)


def move(body: Body, run: Run, time_s: Floats, seconds: float, seed: int) -> Motion:
    """Turn and place every bone at these moments.

    Parameters
    ----------
    body : Body
    run : Run
    time_s : array, shape (time,)
        Seconds within 0 to `seconds`; need not be even.
    seconds : float
        Length of the run: the same run whatever moments are asked for.
    seed : int
        Of the variation from stride to stride.
    """
    legs = Legs.of(body)
    scale = (legs.thigh + legs.shank) / 0.85
    strides = plan_strides(run, seconds, seed)
    phase = strides.phase(time_s)
    belt_m = _way_of_belt(run, time_s)
    duty = np.interp(phase, np.arange(len(strides.duty)), strides.duty)
    place = strides.place(time_s)
    swing = np.cos(2 * np.pi * (phase - 0.95))  # 1: right leg and left arm forward
    step = 4 * np.pi * (phase - duty / 2)  # 0 at mid-stance

    lean = (
        course_at(run.lean_deg, time_s)
        + LEAN_SD_DEG * strides.smooth("lean", phase)
        + run.sway_deg * np.sin(step)
    )
    flexion = course_at(run.flexion_deg, time_s)
    head = course_at(run.head_deg, time_s)
    feet = {side: _plan_foot(legs, run, strides, side, time_s, scale) for side in ("right", "left")}
    hip_height = min(foot.highest_hip_m for foot in feet.values())
    hips = np.stack([
        np.zeros_like(place),
        hip_height + _bounce(run, scale, step),
        place,
    ], axis=1)  # fmt: skip

    # While the right foot stands, the left side of the pelvis sinks: a roll of -x-up.
    drop = roll(-run.pelvic_drop_deg * np.cos(2 * np.pi * (phase - duty / 2)))
    aside = roll(-course_at(run.lateral_lean_deg, time_s))
    pelvis_yaw = yaw(5 * swing)

    def trunk(pitched: Floats) -> dict[str, Floats]:
        turns = {"root": drop @ pelvis_yaw @ pitch(0.8 * pitched)}
        twist = {"spine05": 2.5, "spine04": 0.0, "spine03": -4.0, "spine02": -7.0, "spine01": -9.0}
        for bone, share in LEAN.items():
            turned = pitch(share * pitched + FLEXION[bone] * flexion)
            turns[bone] = aside @ yaw(twist[bone] * swing) @ turned
        top = pitched + flexion
        for bone, share in NECK.items():
            turns[bone] = yaw(-6 * (1 - share) * swing) @ pitch(
                (1 - share) * top + 4 + share * head
            )
        turns["head"] = yaw(-1 * swing) @ pitch(4 + head)
        return turns

    # The spine's curve leaves the hip-shoulder line a little off: turn by what is missing.
    pitched = lean.copy()
    for _ in range(4):
        pitched = pitched + lean - lean_of(body, pose_bones(body, trunk(pitched)))
    turns = trunk(pitched)
    thorax = turns["spine01"]
    arms = 1 + ARM_SD * strides.smooth("arm", phase)
    for side, forward in (("right", -swing), ("left", swing)):
        turns |= _arm(body, run, side, thorax, forward * arms)
    first = pose_bones(body, turns)
    shift = hips - _middle(first, "hip")
    if run.hands_on_rail:
        for side in ("right", "left"):
            turns |= _hold(body, side, first, shift, thorax)
    for side in ("right", "left"):
        hip = first[JOINTS[f"{side}_hip"]][1] + shift
        turns |= _leg(body, side, feet[side], hip, hips, legs)
    pose = {bone: (turn, at + shift) for bone, (turn, at) in pose_bones(body, turns).items()}
    within = {
        side: (foot.contact_s >= time_s[0]) & (foot.contact_s <= time_s[-1])
        for side, foot in feet.items()
    }
    return Motion(
        time_s=time_s,
        pose=pose,
        belt_m=belt_m,
        lean_deg=lean_of(body, pose),
        flexion_deg=flexion,
        head_deg=head,
        cadence_spm=120 / np.diff(strides.knots_s)[np.floor(phase).astype(int)],
        contact_s={side: foot.contact_s[within[side]] for side, foot in feet.items()},
        toe_off_s={side: foot.toe_off_s[within[side]] for side, foot in feet.items()},
    )


def hip_centre(body: Body, pose: Pose, side: str) -> Floats:
    """Place of the hip joint's centre: not where the rig bends the leg, see `HIP_CENTRE_M`."""
    letter, outward = ("L", 1.0) if side == "left" else ("R", -1.0)
    legs = Legs.of(body)
    offset = HIP_CENTRE_M * [outward, 1, 1] * (legs.thigh + legs.shank) / 0.86
    return np.asarray(pose[JOINTS[f"{side}_hip"]][1] + pose[f"pelvis.{letter}"][0] @ offset)


def lean_of(body: Body, pose: Pose) -> Floats:
    """Angle of mid-hip to mid-shoulder against the vertical, + = forward, degrees."""
    hip = (hip_centre(body, pose, "left") + hip_centre(body, pose, "right")) / 2
    trunk = _middle(pose, "shoulder") - hip
    return np.asarray(np.degrees(np.arctan2(trunk[..., 2], trunk[..., 1])))


def _middle(pose: Pose, joint: str) -> Floats:
    return np.asarray((pose[JOINTS[f"left_{joint}"]][1] + pose[JOINTS[f"right_{joint}"]][1]) / 2)


def _way_of_belt(run: Run, time_s: Floats) -> Floats:
    """Metres gone since time 0 (negative before)."""
    fine = np.linspace(min(time_s.min(), 0) - 5, time_s.max() + 5, 20_000)
    way = np.concatenate([[0], np.cumsum(np.diff(fine) * course_at(run.belt_m_s, fine)[1:])])
    return np.interp(time_s, fine, way - np.interp(0, fine, way))


def _bounce(run: Run, scale: float, step: Floats) -> Floats:
    """Height of the hips over their mean: lowest at mid-stance, highest in flight."""
    return -0.5 * run.bounce_m * scale * np.cos(step)


# --- Feet ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Foot:
    """The way of one foot: ankle (height over the belt, place before the middle) in metres, pitch
    of the foot and of its toes in degrees, per moment; and its events.
    """  # noqa: D205

    stands: NDArray[np.bool_]
    ankle: Floats  # while it stands; before the belt's middle
    thigh_deg: Floats  # in the air
    knee_deg: Floats
    pitch_deg: Floats
    toes_deg: Floats
    contact_s: Floats
    toe_off_s: Floats
    highest_hip_m: float


def _plan_foot(
    legs: Legs, run: Run, strides: Strides, side: str, time_s: Floats, scale: float
) -> Foot:
    offset = 0.0 if side == "right" else 0.5
    count = len(strides.knots_s) - 2
    contact = strides.time(np.arange(count) + offset)
    lasts = strides.duty[:count] * np.diff(strides.time(np.arange(count + 1) + offset))
    toe_off = contact + lasts

    def stance(i: int, at: Floats) -> tuple[Floats, Floats]:
        """Ankle (y, z) and pitch of a standing foot."""
        share = (at - contact[i]) / lasts[i]
        turn = PchipInterpolator(*np.array([(0.0, run.strike_deg), *STANCE_PITCH]).T)(share)
        gone = _way_of_belt(run, np.append(at, [contact[i], toe_off[i]]))
        place = LANDED_AHEAD * (gone[-1] - gone[-2]) - (gone[:-2] - gone[-2])
        place = place + strides.place(contact[i : i + 1])
        pivot = np.where(turn[:, None] < 0, legs.heel, legs.ball)
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        slope = course_at(run.incline_pct, at) / 100
        # Where the pivot lies on the belt when the foot is flat, less the turned way to the ankle.
        pivot_z = place + pivot[:, 1] - legs.ball[1]
        y = slope * pivot_z - (c * pivot[:, 0] - s * pivot[:, 1])
        return np.stack([y, pivot_z - (s * pivot[:, 0] + c * pivot[:, 1])], axis=1), turn

    # How high the hips may stand so that no standing leg is stretched beyond its reach.
    highest = np.inf
    reach = REACH * (legs.thigh + legs.shank)
    for i in np.linspace(0, count - 1, 6).astype(int):
        at = np.linspace(contact[i], toe_off[i], 41)
        ankle, _ = stance(i, at)
        step = 4 * np.pi * (strides.phase(at) - strides.duty[i] / 2)
        ahead = ankle[:, 1] - strides.place(at)
        height = ankle[:, 0] + np.sqrt(np.maximum(reach**2 - ahead**2, 0.01))
        highest = min(highest, float((height - _bounce(run, scale, step)).min()))

    frames = len(time_s)
    foot = Foot(
        np.zeros(frames, bool), np.zeros((frames, 2)), *np.zeros((4, frames)), contact, toe_off,
        highest,
    )  # fmt: skip
    for i in range(count - 1):
        here = (time_s >= contact[i]) & (time_s < toe_off[i])
        if here.any():
            foot.stands[here] = True
            foot.ankle[here], foot.pitch_deg[here] = stance(i, time_s[here])
            foot.toes_deg[here] = np.minimum(foot.pitch_deg[here], 0)
        here = (time_s >= toe_off[i]) & (time_s < contact[i + 1])
        if here.any():
            _swing(legs, run, strides, foot, stance, i, time_s, here, scale)
    return foot


def _swing(
    legs: Legs,
    run: Run,
    strides: Strides,
    foot: Foot,
    stance: Callable[[int, Floats], tuple[Floats, Floats]],
    i: int,
    time_s: Floats,
    here: NDArray[np.bool_],
    scale: float,
) -> None:
    """From the last of one stance to the first of the next, after the published curves."""
    contact, toe_off = foot.contact_s, foot.toe_off_s
    whole = contact[i + 1] - contact[i]

    def bent(j: int, at: Floats) -> Floats:
        ankle, turn = stance(j, at)
        step = 4 * np.pi * (strides.phase(at) - strides.duty[j] / 2)
        hip = foot.highest_hip_m + _bounce(run, scale, step)
        thigh, knee = _bend(legs, hip - ankle[:, 0], ankle[:, 1] - strides.place(at))
        return np.stack([thigh, knee, turn], axis=1)

    before = toe_off[i] - np.array([0.03, 0.02, 0.01, 0.0]) * whole
    after = contact[i + 1] + np.array([0.0, 0.01, 0.02, 0.03]) * whole
    duty = (toe_off[i] - contact[i]) / whole
    share = duty + (SWING[:, 0] / 100 - SWING_KEYS_STANCE) * (1 - duty) / (1 - SWING_KEYS_STANCE)
    hip, knee, dorsiflexion = SWING[:, 1:].T
    keys = np.stack([
        hip - PELVIS_TILT_DEG, knee, knee - hip + PELVIS_TILT_DEG - dorsiflexion
    ], axis=1)  # fmt: skip
    at = np.concatenate([before, contact[i] + share * whole, after])
    values = np.vstack([bent(i, before), keys, bent(i + 1, after)])
    course = PchipInterpolator(at, values)(time_s[here])
    foot.thigh_deg[here], foot.knee_deg[here], foot.pitch_deg[here] = course.T
    # The toes lie on the belt to the last and straighten soon after.
    lifted = np.clip((time_s[here] - toe_off[i]) / (0.08 * whole), 0, 1)
    foot.toes_deg[here] = foot.pitch_deg[here] * lifted


def _bend(legs: Legs, drop: Floats, ahead: Floats) -> tuple[Floats, Floats]:
    """Angle of the thigh (+ = forward) and flexion of the knee that put the ankle there, degrees.

    `drop` and `ahead` lead from the hip to the ankle, metres.
    """
    distance = np.minimum(np.hypot(drop, ahead), 0.999 * (legs.thigh + legs.shank))
    cos_hip = (legs.thigh**2 + distance**2 - legs.shank**2) / (2 * legs.thigh * distance)
    cos_knee = (legs.thigh**2 + legs.shank**2 - distance**2) / (2 * legs.thigh * legs.shank)
    thigh = np.degrees(np.arctan2(ahead, drop) + np.arccos(np.clip(cos_hip, -1, 1)))
    return thigh, 180 - np.degrees(np.arccos(np.clip(cos_knee, -1, 1)))


def _leg(
    body: Body, side: str, foot: Foot, hip: Floats, hips: Floats, legs: Legs
) -> dict[str, Floats]:
    """Turn one leg: the ankle where the plan has it, the knee forward."""
    letter, outward = ("L", 1.0) if side == "left" else ("R", -1.0)
    thigh, knee = np.radians(foot.thigh_deg), np.radians(foot.knee_deg)
    y = hips[:, 1] - legs.thigh * np.cos(thigh) - legs.shank * np.cos(knee - thigh)
    z = hips[:, 2] + legs.thigh * np.sin(thigh) - legs.shank * np.sin(knee - thigh)
    ankle = np.stack([
        np.full(len(y), outward * STEP_HALF_WIDTH_M),
        np.where(foot.stands, foot.ankle[:, 0], y),
        np.where(foot.stands, foot.ankle[:, 1], z),
    ], axis=1)  # fmt: skip
    knee_at = _middle_joint(hip, ankle, legs.thigh, legs.shank, np.array([0.0, 0.0, 1.0]))
    rest = {j: body.heads[JOINTS[f"{side}_{j}"]] for j in ("hip", "knee", "ankle")}
    forward = np.array([0.0, 0.0, 1.0])
    straight = yaw(-outward * 6.0)  # the mesh stands with its toes out
    lead = (knee_at - (hip + ankle) / 2) + 1e-3 * forward
    return {
        f"upperleg01.{letter}": _aim(rest["knee"] - rest["hip"], forward, knee_at - hip, lead),
        f"lowerleg01.{letter}": _aim(rest["ankle"] - rest["knee"], forward, ankle - knee_at, lead),
        f"foot.{letter}": pitch(foot.pitch_deg) @ straight,
        f"toe1-1.{letter}": pitch(foot.toes_deg) @ straight,
    }


def _middle_joint(
    start: Floats, end: Floats, upper: float, lower: float, towards: Floats
) -> Floats:
    """Where the joint between two bones of these lengths lies, bent towards a side."""
    way = end - start
    distance = np.linalg.norm(way, axis=1, keepdims=True)
    along = way / distance
    distance = np.minimum(distance, 0.9995 * (upper + lower))
    a = (upper**2 - lower**2 + distance**2) / (2 * distance)
    side = towards - along * (along @ towards)[:, None]
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return np.asarray(start + a * along + np.sqrt(np.maximum(upper**2 - a**2, 0)) * side)


def _aim(rest: Floats, rest_side: Floats, to: Floats, to_side: Floats) -> Floats:
    """Turn that carries one direction to another, and a side of it to a side."""
    return _frame(to, to_side) @ np.swapaxes(_frame(rest, rest_side), -1, -2)


def _frame(along: Floats, side: Floats) -> Floats:
    a = along / np.linalg.norm(along, axis=-1, keepdims=True)
    b = side - a * (a * side).sum(axis=-1, keepdims=True)
    b = b / np.linalg.norm(b, axis=-1, keepdims=True)
    return np.stack([a, b, np.cross(a, b)], axis=-1)


# --- Arms ---------------------------------------------------------------------------------------


def _arm(body: Body, run: Run, side: str, thorax: Floats, swing: Floats) -> dict[str, Floats]:
    """Turn a free arm; it hangs from the thorax and swings against the legs."""
    outward = 1.0 if side == "left" else -1.0
    rest = {j: body.heads[JOINTS[f"{side}_{j}"]] for j in ("shoulder", "elbow", "wrist")}
    down, forward = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    upper_at = roll(outward * 10.0) @ pitch(12 - 0.5 * run.arm_deg * swing)
    # The arm hangs from the shoulder, so rounding the back carries it only in part.
    carried = np.broadcast_to(thorax, upper_at.shape) @ upper_at
    upper = carried @ _aim(rest["elbow"] - rest["shoulder"], forward, down, forward)
    bent = carried @ yaw(-outward * 16.0) @ pitch(-(180 - run.elbow_deg + 8 * swing))
    hang = _aim(rest["wrist"] - rest["elbow"], forward, down, forward)
    turned = [bent @ yaw(outward * degrees) @ hang for degrees in FOREARM_TWIST_DEG]
    return _with_fist(body, side, upper, *turned)


def _hold(body: Body, side: str, pose: Pose, shift: Floats, thorax: Floats) -> dict[str, Floats]:
    """Turn an arm whose hand rests on the rail."""
    outward = 1.0 if side == "left" else -1.0
    joints = {j: JOINTS[f"{side}_{j}"] for j in ("shoulder", "elbow", "wrist")}
    rest = {j: body.heads[bone] for j, bone in joints.items()}
    shoulder = pose[joints["shoulder"]][1] + shift
    upper_m, fore_m = (
        float(np.linalg.norm(rest[b] - rest[a]))
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))
    )
    rail = np.broadcast_to(RAIL_M * [outward, 1, 1], shoulder.shape)
    elbow = _middle_joint(shoulder, rail, upper_m, fore_m, np.array([outward * 0.4, -0.6, -0.7]))
    forward = np.array([0.0, 0.0, 1.0])
    side_of = np.broadcast_to(forward, elbow.shape)
    upper = _aim(rest["elbow"] - rest["shoulder"], forward, elbow - shoulder, side_of)
    fore = _aim(rest["wrist"] - rest["elbow"], forward, rail - elbow, side_of)
    return _with_fist(body, side, upper, fore, fore, fore)


def _with_fist(
    body: Body, side: str, upper: Floats, fore: Floats, lower: Floats, wrist: Floats
) -> dict[str, Floats]:
    letter, outward = ("L", 1.0) if side == "left" else ("R", -1.0)
    knuckles = body.heads[f"finger2-1.{letter}"] - body.heads[f"finger5-1.{letter}"]
    axis = -outward * knuckles / np.linalg.norm(knuckles)
    turns = {
        f"upperarm01.{letter}": upper,
        f"lowerarm01.{letter}": fore,
        f"lowerarm02.{letter}": lower,
        f"wrist.{letter}": wrist,
    }
    for finger in range(2, 6):
        for joint in (1, 2, 3):
            curl = Rotation.from_rotvec(50.0 * joint * axis, degrees=True).as_matrix()
            turns[f"finger{finger}-{joint}.{letter}"] = wrist @ curl
    return turns
