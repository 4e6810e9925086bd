"""What stands around the runner: a gym, a living room or a yard, and the treadmill.

Everything is a flat quad with a colour and a painted texture. What belongs to a wall is hidden with
it where the camera stands behind that wall, so the camera may be anywhere.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]

FLOOR_M = -0.22
BELT_HALF_M, BELT_BACK_M, BELT_FRONT_M = 0.27, -0.85, 0.8
BELT_MARKS_M = 1.62  # after which length the marks on the belt repeat
HALL_M = 7.0  # half width of what lies outside the walls
PX_PER_M = 160
TILE_M = 0.64  # size of the grain texture
KINDS = ("gym", "home", "yard")


@dataclass
class Surface:
    """Quads that share a texture.

    Attributes
    ----------
    corners, normals, colours : arrays, shape (quad, 4, 3)
        Colours are sRGB from 0 to 1, and multiply the texture.
    uv : array, shape (quad, 4, 2)
    open : array, shape (quad, 4)
        Share of the light that reaches the corner.
    texture : picture, or None for the grain
    wall : tuple of arrays or None
        A point of the wall it belongs to and the wall's normal into the room.
    treadmill : bool
        Drawn anew in each picture.
    belt : bool
        Its texture moves.
    shadow : bool
        Takes the runner's shadow; at the belt's height.
    """

    texture: Picture | None = None
    wall: tuple[Floats, Floats] | None = None
    treadmill: bool = False
    belt: bool = False
    shadow: bool = False
    corners: list[Floats] = field(default_factory=list)
    normals: list[Floats] = field(default_factory=list)
    colours: list[Floats] = field(default_factory=list)
    uv: list[Floats] = field(default_factory=list)
    open: list[Floats] = field(default_factory=list)

    def quad(
        self, corners: Floats, colour: Colour, uv: Floats | None = None, light: Floats | float = 1.0
    ) -> None:
        """Add a quad; its corners run anticlockwise as seen from the front."""
        corners = np.asarray(corners, dtype=float)
        normal = np.cross(corners[2] - corners[0], corners[3] - corners[1])
        normal /= max(float(np.linalg.norm(normal)), 1e-12)
        if uv is None:
            flat = [axis for axis in range(3) if axis != int(np.abs(normal).argmax())]
            uv = corners[:, flat] / TILE_M
        self.corners.append(corners)
        self.normals.append(np.tile(normal, (4, 1)))
        self.colours.append(np.tile(np.array(colour) / 255, (4, 1)))
        self.uv.append(uv)
        self.open.append(np.broadcast_to(light, 4).astype(float))

    def box(self, low: Floats, high: Floats, colour: Colour, turn: Floats | None = None) -> None:
        """Add a box between two corners; `turn` (3, 3) carries its axes to the world's."""
        centre, half = (np.add(low, high)) / 2, np.abs(np.subtract(high, low)) / 2
        centre = centre if turn is None else turn @ centre
        axes = np.eye(3) if turn is None else turn.T
        for axis in range(3):
            for side in (1.0, -1.0):
                out = side * axes[axis] * half[axis]
                a, b = axes[(axis + 1) % 3], axes[(axis + 2) % 3]
                a, b = a * half[(axis + 1) % 3], side * b * half[(axis + 2) % 3]
                if np.linalg.det([a, b, out]) < 0:
                    b = -b
                corners = centre + out + np.array([-a - b, a - b, a + b, b - a])
                self.quad(corners, colour, light=0.75 + 0.25 * (corners[:, 1] > centre[1] - 0.01))

    def tube(self, start: Floats, end: Floats, radius: float, colour: Colour) -> None:
        """Add a round bar."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        along = (end - start) / np.linalg.norm(end - start)
        a = np.cross(along, [0.3, 0.2, 1.0] if abs(along[2]) < 0.9 else [1.0, 0, 0])
        a /= np.linalg.norm(a)
        b = np.cross(along, a)
        turns = np.linspace(0, 2 * np.pi, 9)
        ring = np.cos(turns)[:, None] * a + np.sin(turns)[:, None] * b
        for i in range(8):
            outer = ring[[i, i + 1]] * radius
            self.quad(
                np.array([start + outer[0], start + outer[1], end + outer[1], end + outer[0]]),
                colour,
            )
            self.normals[-1] = ring[[i, i + 1, i + 1, i]]

    def grid(
        self, origin: Floats, right: Floats, up: Floats, colour: Colour, dark_edges: bool = True
    ) -> None:
        """Add a large flat part, in pieces so that its light can fall off towards the edges."""
        steps = 8
        t = np.linspace(0, 1, steps + 1)
        for i in range(steps):
            for j in range(steps):
                share = np.array(
                    [(t[i + a], t[j + b]) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
                )
                corners = origin + share[:, :1] * right + share[:, 1:] * up
                edge = np.minimum(share, 1 - share)
                fall = np.clip(0.72 + 1.1 * edge, 0, 1).prod(axis=1)
                uv = np.column_stack([share[:, 0], 1 - share[:, 1]])
                self.quad(corners, colour, uv, fall if dark_edges else 1.0)


def build_room(seed: int, handrail: bool, console: bool) -> list[Surface]:
    """Build everything that stands still, and the belt.

    Parameters
    ----------
    seed : int
        Another number, another room.
    handrail, console : bool
        Whether the treadmill has them.
    """
    rng = np.random.default_rng([seed, 5])
    kind = KINDS[seed % len(KINDS)]
    wall_colour = _pick(rng, {
        "gym": [(196, 190, 178), (150, 160, 172), (206, 206, 204), (170, 120, 96)],
        "home": [(214, 200, 178), (176, 190, 180), (198, 186, 196), (222, 216, 208)],
        "yard": [(168, 104, 82), (190, 176, 156), (150, 146, 140)],
    }[kind])  # fmt: skip
    height = {"gym": 2.9, "home": 2.5, "yard": 2.1}[kind]
    x_m, back_m, front_m = rng.uniform(1.9, 3.0), rng.uniform(2.4, 3.2), rng.uniform(2.4, 3.6)
    walls, things = [], []
    right, z, y0 = np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), np.array([0, FLOOR_M, 0])
    for origin, along, length in (
        (x_m * right + front_m * z, -z, front_m + back_m),  # its right as seen from inside
        (-x_m * right - back_m * z, z, front_m + back_m),
        (-x_m * right + front_m * z, right, 2 * x_m),
        (x_m * right - back_m * z, -right, 2 * x_m),
    ):
        inward = np.cross(along, [0, 1.0, 0])
        # seen from inside, up is up and along runs to the viewer's right
        if inward @ origin > 0:
            origin, along = origin + along * length, -along
            inward = -inward
        wall = (origin, inward)
        painted = Surface(paint_wall(rng, kind, length, height, wall_colour), wall)
        painted.grid(
            origin + y0, along * length, np.array([0, height, 0]), (255, 255, 255), kind != "yard"
        )
        walls.append(painted)
        things.append(_furniture(rng, kind, wall, along, length))
    # near parts first: what they hide is then not drawn
    return [
        *_treadmill(rng, handrail, console),
        *things,
        *walls,
        _floor(rng, kind),
        *_hall(rng, kind, wall_colour),
    ]


def _pick(rng: np.random.Generator, choices: list[Colour]) -> Colour:
    return choices[rng.integers(len(choices))]


# --- Painted parts ------------------------------------------------------------------------------


def paint_wall(
    rng: np.random.Generator, kind: str, width_m: float, height_m: float, colour: Colour
) -> Picture:
    """Paint a wall with what hangs on it; the picture's upper row is the wall's upper edge."""
    h, w = round(height_m * PX_PER_M), round(width_m * PX_PER_M)
    canvas = np.empty((h, w, 3), np.float32)
    canvas[:] = colour
    if kind == "home":
        _wallpaper(rng, canvas, colour)
    else:
        _blocks(rng, canvas, colour, (0.42, 0.22) if kind == "gym" else (0.24, 0.085))
    skirting = round((0.12 if kind == "home" else 0.2) * PX_PER_M)
    canvas[h - skirting :] = (236, 232, 224) if kind == "home" else np.array(colour) * 0.45
    at = int(rng.uniform(0.1, 0.5) * PX_PER_M)
    while at < w - 60:
        wide, high = rng.uniform(0.45, 1.2), rng.uniform(0.5, 0.95)
        x1 = at + round(wide * PX_PER_M)
        y0 = round(rng.uniform(0.25, 0.6) * PX_PER_M)
        y1 = y0 + round(high * PX_PER_M)
        if x1 >= w - 8 or y1 >= h - skirting:
            break
        part = canvas[y0:y1, at:x1]
        (_window if rng.random() < 0.35 or kind == "yard" else _poster)(rng, part)
        at = x1 + round(rng.uniform(0.15, 0.9) * PX_PER_M)
    if kind == "yard":
        _hedge(rng, canvas)
    return _finish(rng, canvas, 4.0)


def _finish(rng: np.random.Generator, canvas: NDArray[np.float32], grain: float) -> Picture:
    h, w = canvas.shape[:2]
    fine = cv2.GaussianBlur(rng.normal(0, 2.2 * grain, (h, w)).astype(np.float32), (0, 0), 0.9)
    small = rng.normal(0, 1.6 * grain, (h // 40 + 2, w // 40 + 2)).astype(np.float32)
    stains = cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)
    return np.clip(canvas + (fine + stains)[..., None], 0, 255).astype(np.uint8)


def _blocks(
    rng: np.random.Generator, canvas: NDArray[np.float32], colour: Colour, size_m: tuple[float, ...]
) -> None:
    """Blocks or bricks with joints."""
    h, w = canvas.shape[:2]
    canvas *= 0.86
    bw, bh = size_m[0] * PX_PER_M, size_m[1] * PX_PER_M
    for row in range(int(h / bh) + 1):
        for column in range(-1, int(w / bw) + 1):
            x, y = (column + 0.5 * (row % 2)) * bw, row * bh
            tone = np.array(colour) * (1 + 0.05 * rng.normal()) + rng.normal(0, 2, 3)
            cv2.rectangle(
                canvas, (round(x + 1), round(y + 1)), (round(x + bw - 2), round(y + bh - 2)),
                tone.tolist(), -1,
            )  # fmt: skip


def _wallpaper(rng: np.random.Generator, canvas: NDArray[np.float32], colour: Colour) -> None:
    h, w = canvas.shape[:2]
    step = round(rng.uniform(0.14, 0.3) * PX_PER_M)
    tone = (np.array(colour) * rng.uniform(0.86, 0.94)).tolist()
    dots = rng.random() < 0.5
    for i, x in enumerate(range(0, w, step)):
        if not dots:
            cv2.line(canvas, (x, 0), (x, h), tone, 3)
            continue
        for y in range((i % 2) * step // 2, h, step):
            cv2.circle(canvas, (x, y), step // 6, tone, -1, cv2.LINE_AA)


def _window(rng: np.random.Generator, part: NDArray[np.float32]) -> None:
    h, w = part.shape[:2]
    part[:] = (238, 238, 234)
    rows = np.linspace(0, 1, h)[:, None, None]
    outside = (1 - rows) * np.array([196, 214, 232]) + rows * np.array([150, 168, 150])
    view = np.tile(outside, (1, w, 1)).astype(np.float32)
    for _ in range(14):
        at = (int(rng.integers(w)), int(h * rng.uniform(0.55, 1.0)))
        tone = np.array([96, 122, 84]) * rng.uniform(0.7, 1.2)
        cv2.circle(view, at, int(rng.uniform(0.05, 0.16) * h), tone.tolist(), -1, cv2.LINE_AA)
    for i in range(2):
        x0, x1 = i * w // 2 + 7, (i + 1) * w // 2 - 5
        part[8 : h - 10, x0:x1] = view[8 : h - 10, x0:x1]


def _poster(rng: np.random.Generator, part: NDArray[np.float32]) -> None:
    h, w = part.shape[:2]
    part[:] = rng.uniform(20, 90, 3)
    inner = part[5 : h - 5, 5 : w - 5]
    inner[:] = rng.uniform(120, 240, 3)
    for _ in range(rng.integers(4, 9)):
        tone = rng.uniform(30, 230, 3).tolist()
        x, y = int(rng.integers(w)), int(rng.integers(h))
        if rng.random() < 0.5:
            cv2.circle(inner, (x, y), int(rng.uniform(0.06, 0.25) * w), tone, -1, cv2.LINE_AA)
        else:
            size = (int(w * rng.uniform(0.1, 0.5)), int(h * rng.uniform(0.04, 0.2)))
            cv2.rectangle(inner, (x, y), (x + size[0], y + size[1]), tone, -1)
    for i in range(4):
        y = int(h * (0.7 + 0.06 * i))
        cv2.line(inner, (12, y), (int(w * rng.uniform(0.4, 0.9)), y), (40, 40, 44), 3)


def _hedge(rng: np.random.Generator, canvas: NDArray[np.float32]) -> None:
    h, w = canvas.shape[:2]
    for _ in range(int(w * 2.2)):
        x = int(rng.integers(w))
        top = 0.62 + 0.06 * np.sin(x / 41) + 0.04 * np.sin(x / 13)
        y = int(h * rng.uniform(top, 1.0))
        tone = np.array([70, 104, 52]) * rng.uniform(0.45, 1.35)
        axes = (int(rng.integers(3, 8)), int(rng.integers(2, 5)))
        cv2.ellipse(canvas, (x, y), axes, rng.uniform(0, 180), 0, 360, tone.tolist(), -1)


def _floor(rng: np.random.Generator, kind: str) -> Surface:
    """Floor of the whole hall; tiles, boards or slabs."""
    size = 1536
    px_per_m = size / (2 * HALL_M)
    canvas = np.empty((size, size, 3), np.float32)
    colour = np.array(_pick(rng, {
        "gym": [(104, 104, 108), (90, 96, 104), (122, 112, 100)],
        "home": [(158, 122, 88), (134, 100, 72), (150, 142, 132)],
        "yard": [(150, 148, 142), (132, 128, 120)],
    }[kind]))  # fmt: skip
    canvas[:] = 0.8 * colour
    wide, long = {"gym": (1.0, 1.0), "home": (0.16, 1.2), "yard": (0.5, 0.5)}[kind]
    for i in range(int(2 * HALL_M / wide) + 1):
        start = -rng.uniform(0, long) if kind == "home" else 0.0
        for j in range(int(2 * HALL_M / long) + 2):
            x, y = i * wide * px_per_m, (start + j * long) * px_per_m
            tone = colour * (1 + 0.06 * rng.normal())
            cv2.rectangle(
                canvas, (round(x + 1), round(y + 1)),
                (round(x + wide * px_per_m - 1), round(y + long * px_per_m - 1)), tone.tolist(), -1,
            )  # fmt: skip
    if kind == "gym":  # coloured crumbs of a rubber floor
        for tone in ((170, 170, 172), (70, 84, 120)):
            at = rng.integers(0, size, (9000, 2))
            canvas[at[:, 0], at[:, 1]] = tone
    middle = size // 2
    mat = (round(0.62 * px_per_m), round(1.35 * px_per_m))
    cv2.rectangle(canvas, (middle - mat[0], middle - mat[1]), (middle + mat[0], middle + mat[1]),
                  rng.uniform(40, 80, 3).tolist(), -1)  # fmt: skip
    shade = np.zeros((size, size), np.float32)  # the treadmill keeps the light away
    deck = (round(0.36 * px_per_m), round(1.0 * px_per_m))
    cv2.rectangle(shade, (middle - deck[0], middle - deck[1]), (middle + deck[0], middle + deck[1]),
                  1.0, -1)  # fmt: skip
    canvas *= 1 - 0.65 * cv2.GaussianBlur(shade, (0, 0), 0.09 * px_per_m)[..., None]
    floor = Surface(_finish(rng, canvas, 3.0))
    floor.grid(
        np.array([-HALL_M, FLOOR_M, HALL_M]), np.array([2 * HALL_M, 0, 0]),
        np.array([0, 0, -2 * HALL_M]), (255, 255, 255), False,
    )  # fmt: skip
    return floor


def _hall(rng: np.random.Generator, kind: str, colour: Colour) -> list[Surface]:
    """Build what is seen over and beside the walls, and the ceiling."""
    height = 2.9 if kind != "yard" else 8.0
    if kind == "yard":
        h, w = 512, 1024
        rows = np.linspace(0, 1, h)[:, None, None]
        sky = np.tile((1 - rows) * np.array([150, 184, 224]) + rows * np.array([222, 228, 232]),
                      (1, w, 1)).astype(np.float32)  # fmt: skip
        cloud = cv2.resize(rng.random((12, 16)).astype(np.float32), (w, h),
                           interpolation=cv2.INTER_CUBIC)[..., None]  # fmt: skip
        sky += np.clip(cloud - 0.55, 0, 1) * 2 * (245 - sky)
        for _ in range(700):
            at = (int(rng.integers(w)), int(h * rng.uniform(0.62, 1)))
            tone = np.array([84, 108, 70]) * rng.uniform(0.6, 1.3)
            cv2.circle(sky, at, int(rng.integers(5, 22)), tone.tolist(), -1, cv2.LINE_AA)
        texture = np.clip(sky, 0, 255).astype(np.uint8)
    else:
        texture = paint_wall(rng, kind, 2 * HALL_M, height, colour)
    far = Surface(texture)
    ends = [(-HALL_M, HALL_M), (HALL_M, HALL_M), (HALL_M, -HALL_M), (-HALL_M, -HALL_M)]
    for (x0, z0), (x1, z1) in zip(ends, ends[1:] + ends[:1], strict=True):
        # from inside: along +x when looking to +z is the viewer's left
        origin, along = np.array([x1, FLOOR_M, z1]), np.array([x0 - x1, 0, z0 - z1])
        far.grid(origin, along, np.array([0, height, 0]), (255, 255, 255), False)
    if kind == "yard":
        return [far]
    above = Surface()
    for i in range(-6, 6):
        for j in range(-6, 6):
            lamp = (i + 2 * j) % 5 == 0
            tone = 255.0 if lamp else 196 + 6.0 * ((i + j) % 2)
            x, z, s, y = 1.2 * i, 1.2 * j, 1.17, height + FLOOR_M
            above.quad(
                np.array([(x, y, z), (x + s, y, z), (x + s, y, z + s), (x, y, z + s)]),
                (tone, tone, tone), light=2.2 if lamp else 1.25,
            )  # fmt: skip
    backing = height + FLOOR_M + 0.01
    above.quad(np.array([(-7, backing, -7), (7, backing, -7), (7, backing, 7), (-7, backing, 7)]),
               (120, 120, 120))  # fmt: skip
    return [far, above]


# --- Things -------------------------------------------------------------------------------------


def _furniture(
    rng: np.random.Generator, kind: str, wall: tuple[Floats, Floats], along: Floats, length: float
) -> Surface:
    """Things before a wall; own axes: along the wall, up from the floor, into the room."""
    origin, inward = wall
    turn = np.column_stack([along, [0, 1.0, 0], inward])
    if np.linalg.det(turn) < 0:
        turn[:, 2] *= -1
    base = turn.T @ (origin + np.array([0, FLOOR_M, 0]))
    things = Surface(wall=wall)

    def box(a0: float, y0: float, d0: float, a1: float, y1: float, d1: float, c: Colour) -> None:
        things.box(base + np.array([a0, y0, d0]), base + np.array([a1, y1, d1]), c, turn)

    at = rng.uniform(0.15, 0.5)
    while at < length - 1.2:
        wide = rng.uniform(0.7, 1.3)
        tone = tuple(rng.uniform(40, 120, 3))
        what = rng.integers(3)
        if kind == "gym" and what < 2:  # dumbbells on a rack
            for y in (0.3, 0.68, 1.02)[: rng.integers(2, 4)]:
                box(at, y - 0.04, 0.05, at + wide, y, 0.4, (66, 68, 74))
                for i in range(int(wide / 0.17)):
                    a, r = at + 0.03 + 0.17 * i, rng.uniform(0.05, 0.07)
                    for d in (0.1, 0.28):
                        box(a, y, d, a + 0.12, y + 2 * r, d + 0.09, tuple(rng.uniform(24, 60, 3)))
                    box(a + 0.04, y + r - 0.02, 0.19, a + 0.08, y + r + 0.02, 0.28, (160, 160, 164))
            for a in (at - 0.04, at + wide):
                box(a, 0, 0.05, a + 0.04, 1.1, 0.4, (50, 52, 58))
        elif kind == "gym":  # a machine: frame, stack of weights, seat
            for a in (at, at + wide - 0.07):
                box(a, 0, 0.1, a + 0.07, 2.0, 0.17, (180, 182, 186))
            box(at, 1.93, 0.1, at + wide, 2.0, 0.17, (180, 182, 186))
            for i in range(10):
                box(at + 0.2, 0.1 + 0.07 * i, 0.08, at + wide - 0.2, 0.16 + 0.07 * i, 0.22,
                    (48, 50, 54))  # fmt: skip
            box(at + 0.15, 0.42, 0.3, at + wide - 0.15, 0.52, 0.62, tone)
        elif kind == "home" and what == 0:  # shelf with books
            box(at, 0, 0.02, at + wide, 1.75, 0.05, (96, 74, 56))
            for y in (0.05, 0.4, 0.75, 1.1, 1.45, 1.75):
                box(at, y - 0.03, 0.05, at + wide, y, 0.3, (124, 96, 72))
                a = at + 0.02
                while a < at + wide - 0.06 and y < 1.5:
                    thick = rng.uniform(0.02, 0.05)
                    if rng.random() < 0.85:
                        box(a, y, 0.08, a + thick, y + rng.uniform(0.18, 0.29), 0.25,
                            tuple(rng.uniform(40, 220, 3)))  # fmt: skip
                    a += thick + 0.003
        elif kind == "home" and what == 1:  # sofa with cushions
            wide += 0.5
            box(at, 0.1, 0.05, at + wide, 0.42, 0.75, tone)
            box(at, 0.42, 0.05, at + wide, 0.85, 0.25, tone)
            for a in (at, at + wide - 0.16):
                box(a, 0.1, 0.05, a + 0.16, 0.62, 0.75, tuple(0.9 * np.array(tone)))
            for share in (0.3, 0.62):
                a = at + share * wide
                box(a, 0.43, 0.26, a + 0.35, 0.75, 0.38, tuple(rng.uniform(90, 220, 3)))
        else:  # chest with drawers, box, or bench; a plant on it
            high = rng.uniform(0.4, 0.9)
            box(at, 0, 0.05, at + wide, high, 0.45, tuple(rng.uniform(80, 190, 3)))
            for i in range(3):
                y = high * (0.08 + 0.3 * i)
                box(at + 0.04, y, 0.45, at + wide - 0.04, y + 0.25 * high, 0.465,
                    tuple(rng.uniform(80, 190, 3)))  # fmt: skip
            pot = at + wide * rng.uniform(0.2, 0.7)
            box(pot - 0.07, high, 0.15, pot + 0.07, high + 0.15, 0.29, (150, 84, 60))
            for _ in range(26):
                tip = rng.normal(0, [0.13, 0.13, 0.08])
                a, y, d = pot + tip[0], high + 0.36 + tip[1], 0.22 + tip[2]
                green = tuple(np.array([60, 104, 54]) * rng.uniform(0.6, 1.3))
                box(a, y, d, a + 0.06, y + 0.05, d + 0.04, green)
        at += wide + rng.uniform(0.1, 0.8)
    return things


def _treadmill(rng: np.random.Generator, handrail: bool, console: bool) -> list[Surface]:
    frame = _pick(rng, [(66, 68, 74), (120, 122, 126), (44, 46, 50), (176, 176, 178)])
    accent = _pick(rng, [(196, 60, 48), (48, 110, 180), (220, 170, 40), (90, 92, 96)])
    dark = (46.0, 48.0, 53.0)
    things, sides = Surface(treadmill=True), Surface(treadmill=True, shadow=True)
    things.box([-0.35, -0.17, -0.97], [0.35, -0.006, 1.08], (58, 60, 66))
    for side in (-1, 1):
        x0, x1 = sorted((side * BELT_HALF_M, side * 0.36))
        sides.box([x0, -0.15, -0.95], [x1, 0.012, 0.98], frame)
        x0, x1 = sorted((side * 0.355, side * 0.364))
        things.box([x0, -0.10, -0.85], [x1, -0.06, 0.85], accent)
        for z in (-0.8, 0.85):
            things.box([side * 0.3 - 0.04, FLOOR_M, z], [side * 0.3 + 0.04, -0.15, z + 0.1], dark)
    things.box([-0.34, -0.02, 0.82], [0.34, 0.12, 1.12], dark)
    things.box([-0.3, -0.05, -0.96], [0.3, 0.002, BELT_BACK_M], dark)
    if console:
        lean = np.array([[1, 0, 0], [0, 0.906, -0.423], [0, 0.423, 0.906]])  # top away: 25 deg
        for side in (-1, 1):
            things.tube([side * 0.33, 0.0, 1.0], [side * 0.33, 1.14, 0.92], 0.022, frame)
            things.tube([side * 0.33, 1.1, 0.94], [side * 0.2, 1.14, 0.98], 0.018, frame)
        middle = lean.T @ np.array([0, 1.25, 1.02])
        half = np.array([0.32, 0.14, 0.03])
        things.box(middle - half, middle + half, dark, lean)
        for low, high, tone in (
            ((-0.18, 0.0), (0.18, 0.12), (70, 130, 150)),
            ((-0.29, -0.1), (-0.21, 0.08), accent),
            ((0.21, -0.1), (0.29, 0.08), (170, 172, 176)),
            ((-0.18, -0.11), (0.18, -0.03), (92, 96, 104)),
        ):
            low3, high3 = np.array([*low, -0.034]), np.array([*high, -0.03])
            things.box(middle + low3, middle + high3, tone, lean)
    if handrail:
        for side in (-1, 1):
            x = side * 0.36
            things.tube([x, 0.95, 0.94], [x, 0.95, 0.1], 0.02, frame)
            things.tube([x, 0.95, 0.1], [x, 0.90, 0.1], 0.02, frame)
    belt = Surface(_paint_belt(rng), treadmill=True, belt=True, shadow=True)
    steps = np.linspace(BELT_FRONT_M, BELT_BACK_M, 9)
    for z0, z1 in pairwise(steps):
        corners = [(-BELT_HALF_M, 0, z1), (-BELT_HALF_M, 0, z0), (BELT_HALF_M, 0, z0),
                   (BELT_HALF_M, 0, z1)]  # fmt: skip
        share = np.array([(0, z1), (0, z0), (1, z0), (1, z1)]) / [1, BELT_MARKS_M]
        belt.quad(np.array(corners), (255, 255, 255), share)
    return [things, sides, belt]


def _paint_belt(rng: np.random.Generator) -> Picture:
    """Paint one repeat of the belt; a row is a place along it."""
    h, w = 1024, 256
    canvas = np.full((h, w, 3), (56, 57, 60), np.float32)
    tone = (118, 120, 124)
    for i in range(3):
        y = 60 + 341 * i
        cv2.rectangle(canvas, (24, y), (w - 24, y + 26), tone, -1)
        cv2.rectangle(canvas, (100, y + 120), (156, y + 190), (92, 94, 98), -1)
    canvas[:, 10:14] = canvas[:, w - 14 : w - 10] = 104
    canvas += cv2.GaussianBlur(rng.normal(0, 34, (h, w)), (0, 0), 1.2)[..., None]
    return np.clip(canvas, 0, 255).astype(np.uint8)
