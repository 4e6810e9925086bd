"""Takes pictures of a body mesh that runs on a treadmill in a room.

OpenGL through moderngl, which also works without a graphics card or a display (Mesa's llvmpipe, one
thread per process). Each picture is drawn at twice its size without multisampling and averaged:
llvmpipe does that faster than four samples per pixel.

Light is computed in linear terms and stored as its square root, with room above white, so that the
exposure can be set on the finished picture.
"""

import os
from dataclasses import dataclass

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from digital_runner.camera import Camera
from digital_runner.room import BELT_MARKS_M, FLOOR_M, TILE_M, Picture, Surface, build_room
from digital_runner.shade import (
    SHADOW_CELLS,
    SHADOW_HALF_M,
    Mesh,
    Shadows,
    Singles,
    lamp_direction,
)

os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe draws in the calling thread

OVERSIZE = 2
NEAR_M, FAR_M = 0.2, 30.0
HEADROOM = 2.0  # times white
OUT_OF_FOCUS_PX = 0.6  # what stands behind the runner
SHOULDER = 0.8  # display value above which highlights are compressed

# Light, linear RGB
KEY = (1.00, 0.95, 0.86)
SKY = (0.52, 0.55, 0.60)
GROUND = (0.26, 0.24, 0.22)
FILL = (0.16, 0.16, 0.16)  # from the camera's side, as light walls give
KEY_WRAP = 0.25  # how far a large lamp's light reaches round the edge

VERTEX = """#version 330
uniform mat4 world_to_picture;
uniform vec3 eye, lamp, key, sky, ground, fill;
uniform vec2 slide;
uniform float cell_scale, gain, wrap;
in vec3 position, normal, colour;
in vec2 uv;
in float open;
out vec3 paint;
out vec2 at, above_at;
out float upward;
void main() {
    gl_Position = world_to_picture * vec4(position, 1.0);
    vec3 n = normalize(normal);
    float facing = max((dot(n, lamp) + wrap) / (1.0 + wrap), 0.0);
    float lit = min(open, 1.0);
    vec3 light = key * facing * lit
        + mix(ground, sky, 0.5 + 0.5 * n.y) * (0.55 + 0.45 * lit)
        + fill * max(dot(n, normalize(eye - position)), 0.0);
    paint = gain * sqrt(light * max(open, 1.0)) * colour;
    at = uv + slide;
    above_at = position.xz * cell_scale + 0.5;
    upward = step(0.5, n.y);
}
"""
PLAIN = """#version 330
uniform sampler2D skin;
in vec3 paint;
in vec2 at;
out vec4 pixel;
void main() { pixel = vec4(paint * texture(skin, at).rgb, 1.0); }
"""
SHADOWED = """#version 330
uniform sampler2D skin, shadow;
in vec3 paint;
in vec2 at, above_at;
in float upward;
out vec4 pixel;
void main() {
    float dark = upward * texture(shadow, above_at).r;
    pixel = vec4(paint * texture(skin, at).rgb * (1.0 - dark), 1.0);
}
"""


@dataclass(frozen=True)
class Setting:
    """What stands around the runner, and the light.

    Attributes
    ----------
    width, height : int
        Of the picture, pixels.
    background : int
        Seed of the room; `background % 3` is its kind: gym, living room, yard.
    light : float
        Exposure, linear: 1 normal, 0.45 dim, 1.3 bright.
    light_yaw_deg : float
        Where the key light stands: 0 before the runner, 90 at the runner's left.
    handrail : bool
        Side rails from the console back to about the hip.
    console : bool
    """

    width: int
    height: int
    background: int
    light: float = 1.0
    light_yaw_deg: float = 30.0
    handrail: bool = False
    console: bool = True


class Studio:
    """Draws one body in one setting.

    Parameters
    ----------
    setting : Setting
    faces : array, shape (face, 4)
        Corners, anticlockwise from outside; a triangle repeats its last corner.
    paint : array, shape (face, 3)
        sRGB, 0 to 255.
    """

    def __init__(
        self, setting: Setting, faces: NDArray[np.integer], paint: NDArray[np.uint8]
    ) -> None:
        self._setting = setting
        self._lamp = lamp_direction(setting.light_yaw_deg)
        self._mesh = Mesh(faces, paint)
        self._shadows = Shadows(self._lamp, self._mesh)
        self._context = moderngl.create_context(standalone=True, backend="egl")
        with self._context:
            self._prepare(setting)
        self._camera: Camera | None = None
        self._plate: Picture | None = None

    def _prepare(self, setting: Setting) -> None:
        gl = self._context
        size = (OVERSIZE * setting.width, OVERSIZE * setting.height)
        self._canvas = gl.framebuffer([gl.renderbuffer(size, 4)], gl.depth_renderbuffer(size))
        size = (setting.width, setting.height)
        self._backdrop = gl.framebuffer([gl.renderbuffer(size, 4)], gl.depth_renderbuffer(size))
        self._plain = gl.program(VERTEX, PLAIN)
        self._shadowed = gl.program(VERTEX, SHADOWED)
        for program in (self._plain, self._shadowed):
            for name, value in {
                "lamp": self._lamp, "key": KEY, "sky": SKY, "ground": GROUND, "fill": FILL,
                "wrap": KEY_WRAP, "cell_scale": 0.5 / SHADOW_HALF_M,
            }.items():  # fmt: skip
                if name in program:
                    program[name] = value if isinstance(value, float) else tuple(value)
        cells = (SHADOW_CELLS, SHADOW_CELLS)
        self._shadow = gl.texture(cells, 1, bytes(SHADOW_CELLS**2))
        self._shadow.repeat_x = self._shadow.repeat_y = False
        self._shadow.use(1)
        self._shadowed["shadow"] = 1
        rng = np.random.default_rng([setting.background, 6])
        grain, self._grain_gain = _grain(rng, (1.5, 5.0, 18.0), 0.045)
        cloth, self._cloth_gain = _grain(rng, (0.7, 3.0, 9.0), 0.035)
        self._grain_texture, self._cloth_texture = self._upload(grain), self._upload(cloth)
        surfaces = build_room(setting.background, setting.handrail, setting.console)
        self._parts = [self._build(surface) for surface in surfaces if surface.corners]
        self._treadmill = np.concatenate([
            np.reshape(surface.corners, (-1, 3)) for surface in surfaces if surface.treadmill
        ])  # fmt: skip
        self._moving = gl.buffer(reserve=self._mesh.count * 7 * 4, dynamic=True)
        self._fixed: moderngl.Buffer | None = None

    def _upload(self, picture: Picture) -> moderngl.Texture:
        texture = self._context.texture(picture.shape[1::-1], 3, picture.tobytes(), alignment=1)
        texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
        return texture

    def _build(self, surface: Surface) -> "_Part":
        columns = [surface.corners, surface.normals, surface.colours, surface.uv,
                   np.array(surface.open)[..., None]]  # fmt: skip
        rows = np.concatenate([np.reshape(c, (-1, np.shape(c)[-1])) for c in columns], axis=1)
        corner = 4 * np.arange(len(surface.corners))[:, None] + [0, 1, 2, 0, 2, 3]
        program = self._shadowed if surface.shadow else self._plain
        vertices = self._context.vertex_array(
            program,
            [(self._context.buffer(rows.astype("f4").tobytes()), "3f 3f 3f 2f 1f",
              "position", "normal", "colour", "uv", "open")],
            self._context.buffer(corner.astype("i4").tobytes()),
        )  # fmt: skip
        painted = surface.texture is not None
        texture = self._upload(surface.texture) if painted else self._grain_texture
        gain = 1.0 if painted else self._grain_gain
        return _Part(vertices, program, texture, gain, surface)

    def draw(
        self,
        vertices: NDArray[np.floating],
        camera: Camera,
        belt_m: float,
        light: float | None = None,
    ) -> Picture:
        """Take a picture.

        From the second picture with the same camera on, only the part with the runner is drawn.

        Parameters
        ----------
        vertices : array, shape (vertex, 3)
            Of the body, metres.
        camera : Camera
        belt_m : float
            How far the belt has travelled; its upper side moves to -z.
        light : float, optional
            Exposure; the setting's by default.

        Returns
        -------
        array, shape (height, width, 3)
            RGB.
        """
        points = np.asarray(vertices, dtype=np.float32)[self._mesh.used]
        with self._context:
            shade, on_belt, on_floor = self._shadows.cast(points)
            self._send(points, shade)
            self._shadow.write(on_belt)
            if not _same(camera, self._camera):
                self._camera = camera
                self._place(camera)
                self._plate = self._take_plate()
            assert self._plate is not None
            picture = self._plate.copy()
            self._darken(picture, on_floor, camera)
            x0, y0, x1, y1 = part = self._changing(points, camera)
            if x1 > x0 and y1 > y0:
                layer = self._take_layer(part, belt_m)
                behind = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2RGB)
                behind = cv2.multiply(picture[y0:y1, x0:x1], behind, scale=1 / 255)
                cv2.add(behind, cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB), picture[y0:y1, x0:x1])
        exposure = self._setting.light if light is None else light
        return cv2.LUT(picture, _exposure_table(exposure))

    def close(self) -> None:
        """Give everything back."""
        self._context.release()

    def _darken(self, picture: Picture, on_floor: Picture, camera: Camera) -> None:
        """Lay the shadow on the floor, in place; what stands on the floor does not hide it."""
        lens = np.array([[camera.focal_px, 0, camera.centre_px[0] - 0.5],
                         [0, camera.focal_px, camera.centre_px[1] - 0.5], [0, 0, 1]])  # fmt: skip
        x, y, z = camera.position
        floor = lens @ camera.axes @ np.array([[1, 0, -x], [0, 0, FLOOR_M - y], [0, 1, -z]])
        cell = 2 * SHADOW_HALF_M / SHADOW_CELLS
        first = 0.5 * cell - SHADOW_HALF_M
        warp = floor @ np.array([[cell, 0, first], [0, cell, first], [0, 0, 1]])
        rows, columns = np.nonzero(on_floor)
        if not len(rows):
            return
        ends = np.array([(i, FLOOR_M, j) for i in (columns.min() - 1, columns.max() + 1)
                         for j in (rows.min() - 1, rows.max() + 1)])  # fmt: skip
        ends[:, [0, 2]] = ends[:, [0, 2]] * cell + first
        x0, y0, x1, y1 = self._bounds(ends, camera)
        if x1 <= x0 or y1 <= y0:
            return
        warp = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]]) @ warp
        dark = cv2.warpPerspective(on_floor, warp, (x1 - x0, y1 - y0))
        part = picture[y0:y1, x0:x1]
        cv2.multiply(part, cv2.cvtColor(255 - dark, cv2.COLOR_GRAY2RGB), part, scale=1 / 255)

    def _place(self, camera: Camera) -> None:
        width, height = self._setting.width, self._setting.height
        (cx, cy), f = camera.centre_px, camera.focal_px
        span = FAR_M - NEAR_M
        # The picture's rows run down, as in memory, so nothing needs to be turned over.
        lens = np.array([
            [2 * f / width, 0, 2 * cx / width - 1, 0],
            [0, 2 * f / height, 2 * cy / height - 1, 0],
            [0, 0, (FAR_M + NEAR_M) / span, -2 * FAR_M * NEAR_M / span],
            [0, 0, 1, 0],
        ])  # fmt: skip
        view = np.eye(4)
        view[:3, :3] = camera.axes
        view[:3, 3] = -camera.axes @ camera.position
        matrix = (lens @ view).T.astype("f4").tobytes()
        for program in (self._plain, self._shadowed):
            program["world_to_picture"].write(matrix)
            program["eye"] = tuple(camera.position)

    def _send(self, points: Singles, shade: Singles) -> None:
        mesh = self._mesh
        normals = mesh.normals(points)
        if self._fixed is None:
            self._dress(points, normals)
        rows = np.empty((mesh.count, 7), np.float32)
        rows[:, :3], rows[:, 3:6], rows[:, 6] = points[mesh.source], normals, shade[mesh.source]
        self._moving.write(rows)

    def _dress(self, points: Singles, normals: Singles) -> None:
        """Lay the cloth on the body as it is first seen, from the side that a part faces most."""
        mesh, gl = self._mesh, self._context
        side = np.abs(normals).argmax(axis=1)
        axes = np.array([[2, 1], [0, 2], [0, 1]])[side]
        uv = np.take_along_axis(points[mesh.source], axes, axis=1) / (0.5 * TILE_M)
        self._fixed = gl.buffer(np.hstack([mesh.colours, uv]).astype("f4").tobytes())
        vertices = gl.vertex_array(
            self._plain,
            [(self._moving, "3f 3f 1f", "position", "normal", "open"),
             (self._fixed, "3f 2f", "colour", "uv")],
            gl.buffer(mesh.triangles.tobytes()),
        )  # fmt: skip
        self._body = _Part(vertices, self._plain, self._cloth_texture, self._cloth_gain, Surface())

    def _changing(self, points: Singles, camera: Camera) -> tuple[int, int, int, int]:
        """Part of the picture (x0, y0, x1, y1) with the runner and the treadmill."""
        return self._bounds(np.concatenate([points, self._treadmill]), camera)

    def _bounds(self, points: NDArray[np.floating], camera: Camera) -> tuple[int, int, int, int]:
        pixels = camera.project(points)
        limit = (self._setting.width, self._setting.height)
        low = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, limit).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, limit).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _take_plate(self) -> Picture:
        """Draw what stands still, without the treadmill; returns RGB before exposure."""
        width, height = self._setting.width, self._setting.height
        self._backdrop.use()
        self._backdrop.clear(0.6, 0.65, 0.7, 1.0)
        self._show([part for part in self._parts if not part.surface.treadmill])
        raw = np.frombuffer(self._backdrop.read(components=4, alignment=1), np.uint8)
        plate = cv2.cvtColor(raw.reshape(height, width, 4), cv2.COLOR_RGBA2RGB)
        return cv2.GaussianBlur(plate, (0, 0), OUT_OF_FOCUS_PX)

    def _take_layer(self, part: tuple[int, int, int, int], belt_m: float) -> Picture:
        """Draw runner, treadmill and shadow in (x0, y0, x1, y1); returns RGBA before exposure.

        Colours are multiplied by what they cover, alpha.
        """
        x0, y0, x1, y1 = part
        box = tuple(OVERSIZE * v for v in (x0, y0, x1 - x0, y1 - y0))
        self._canvas.use()
        self._canvas.scissor = box
        self._canvas.clear()
        self._show([self._body, *(part for part in self._parts if part.surface.treadmill)], belt_m)
        raw = self._canvas.read(viewport=box, components=4, alignment=1)
        large = np.frombuffer(raw, np.uint8).reshape(box[3], box[2], 4)
        return cv2.resize(large, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)

    def _show(self, parts: list["_Part"], belt_m: float = 0.0) -> None:
        gl = self._context
        gl.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        gl.front_face = "cw"  # as the picture's rows run down
        for part in parts:
            if part.surface.wall is not None and not self._faces(part.surface.wall):
                continue
            part.texture.use(0)
            part.program["gain"] = part.gain / np.sqrt(HEADROOM)
            slide = (belt_m / BELT_MARKS_M) % 1.0 if part.surface.belt else 0.0
            part.program["slide"] = (0.0, slide)
            part.vertices.render()

    def _faces(self, wall: tuple[NDArray[np.float64], NDArray[np.float64]]) -> bool:
        """Whether the camera is on the room's side of a wall."""
        assert self._camera is not None
        point, inward = wall
        return bool((self._camera.position - point) @ inward > 0)


@dataclass(frozen=True)
class _Part:
    vertices: moderngl.VertexArray
    program: moderngl.Program
    texture: moderngl.Texture
    gain: float
    surface: Surface


def _same(a: Camera, b: Camera | None) -> bool:
    return b is not None and (a is b or (
        a.focal_px == b.focal_px
        and np.array_equal(a.position, b.position)
        and np.array_equal(a.axes, b.axes)
        and np.array_equal(a.centre_px, b.centre_px)
    ))  # fmt: skip


def _exposure_table(light: float) -> Picture:
    """Display values for the stored square roots of light."""
    stored = np.arange(256) / 255
    shown = stored * np.sqrt(light * HEADROOM)
    over = np.clip(shown - SHOULDER, 0, None)
    room = 1 - SHOULDER
    shown = np.minimum(shown, SHOULDER) + room * (1 - np.exp(-over / room))
    return np.round(255 * shown).astype(np.uint8)


def _grain(
    rng: np.random.Generator, sizes_px: tuple[float, ...], sd: float
) -> tuple[Picture, float]:
    """Return a grey texture that repeats, and the factor that brings its mean to 1."""
    size = 256
    total = np.zeros((size, size))
    frequency = np.fft.fftfreq(size)
    distance = np.hypot(frequency[:, None], frequency)
    for px in sizes_px:
        noise = np.fft.fft2(rng.normal(size=(size, size)))
        layer = np.fft.ifft2(noise * np.exp(-((distance * px * np.pi) ** 2))).real
        total += layer / layer.std()
    grey = np.clip(205 * (1 + sd * total / total.std()), 0, 255)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2), float(255 / grey.mean())
