"""Parts of a picture, made from the decoder's planes, are parts of the picture."""

from fractions import Fraction

import av
import numpy as np
import pytest

from formcheck.pose.region import Region
from formcheck.video.frame import Frame
from formcheck.video.reader import read_frames
from tests.clips import write_video

WIDTH, HEIGHT = 192, 128
SIDE = 64
QUIET_PX = 3  # from the picture's edge, where samples begin to mix with the black around it
TURNS = (0, 90, 180, 270)
SHARP = {"crf": "1", "preset": "ultrafast"}


def draw_waves(width=WIDTH, height=HEIGHT):
    """A picture whose colours change slowly, its brightness by some 8 levels a pixel."""
    y, x = np.mgrid[:height, :width] + 0.5
    across, down = x / width, y / height
    slow = [0.3 + 0.4 * across, 0.3 + 0.4 * down, 0.5 + 0.2 * np.sin(5 * across - 3 * down)]
    waves = np.sin(2 * np.pi * x / 48) + np.sin(2 * np.pi * y / 36)
    return np.round(255 * np.stack(slow, axis=-1) + 32 * waves[..., None]).astype(np.uint8)


def read_one(path, picture, *, max_side_px=None, **settings):
    write_video(path, [picture] * 2, **settings)
    return next(read_frames(path, max_side_px=max_side_px))


def wrap(picture, *, turns=0, pixel_aspect=1.0, max_side_px=None):
    """A frame of a picture that no encoder has touched."""
    return Frame.of_picture(
        0, 0.0, picture, quarter_turns=turns, pixel_aspect=pixel_aspect, max_side_px=max_side_px
    )


def fill_planes(width, height, levels, pixels="yuv420p"):
    """A decoded picture of one colour, given as luma and colour differences."""
    picture = av.VideoFrame(width, height, pixels)
    for plane, level in zip(picture.planes, levels, strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    return picture


def look_at(picture, to_picture, side=SIDE):
    """Sample pixel by pixel; returns the crop, and how far inside each sample lies, pixels."""
    height, width = picture.shape[:2]
    crop, inside = np.zeros((side, side, 3)), np.zeros((side, side))
    for row in range(side):
        for column in range(side):
            x, y = to_picture[:, :2] @ (column + 0.5, row + 0.5) + to_picture[:, 2]
            inside[row, column] = min(x, y, width - x, height - y)
            x, y = np.clip(x - 0.5, 0, width - 1.001), np.clip(y - 0.5, 0, height - 1.001)
            i, j = int(y), int(x)
            four = picture[i : i + 2, j : j + 2].astype(float)
            across = four[:, 0] * (1 - (x - j)) + four[:, 1] * (x - j)
            crop[row, column] = across[0] * (1 - (y - i)) + across[1] * (y - i)
    return crop, inside


def assert_crop_is_of_rgb(frame):
    """A turned crop that reaches out of the picture at one side."""
    width, height = frame.size
    region = Region(0.3 * width, 0.45 * height, 0.8 * min(width, height), 0.4)
    to_frame = region.to_picture(SIDE)
    crop = frame.crop(to_frame, SIDE, SIDE)
    expected, inside = look_at(frame.rgb, to_frame)
    assert crop.shape == (SIDE, SIDE, 3)
    assert crop.dtype == np.uint8
    difference = np.abs(crop - expected)[inside > QUIET_PX]
    assert np.percentile(difference, 99) <= 5
    assert difference.mean() < 2  # FFmpeg rounds down
    assert (crop[inside < -QUIET_PX] <= 4).all()  # a little of the edge's colour
    assert (inside > QUIET_PX).mean() > 0.5
    assert (inside < -QUIET_PX).any()
    assert np.ptp(expected[inside > QUIET_PX], axis=0).min() > 40  # or the comparison says little


# --- crop ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation_deg", TURNS)
@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("max_side_px", [None, 120])
def test_a_crop_of_the_planes_is_a_crop_of_the_picture(tmp_path, rotation_deg, pixels, max_side_px):
    frame = read_one(
        tmp_path / "run.mp4",
        draw_waves(),
        pixel_format=pixels,
        rotation_deg=rotation_deg,
        max_side_px=max_side_px,
        **SHARP,
    )
    assert frame._layout.picture.format.name == pixels
    assert frame.scale == (WIDTH / 120 if max_side_px else 1)
    assert_crop_is_of_rgb(frame)


@pytest.mark.parametrize("rotation_deg", TURNS)
@pytest.mark.parametrize("pixel_aspect", [Fraction(4, 3), Fraction(1, 2)])
@pytest.mark.parametrize("max_side_px", [None, 100])
def test_a_crop_of_pixels_that_are_not_square(tmp_path, rotation_deg, pixel_aspect, max_side_px):
    frame = read_one(
        tmp_path / "run.mp4",
        draw_waves(),
        rotation_deg=rotation_deg,
        pixel_aspect=pixel_aspect,
        max_side_px=max_side_px,
        **SHARP,
    )
    upright = (WIDTH * pixel_aspect / frame.scale, HEIGHT / frame.scale)
    assert sorted(frame.size) == pytest.approx(sorted(map(float, upright)), abs=0.5)
    assert_crop_is_of_rgb(frame)


@pytest.mark.parametrize("size", [(97, 65), (130, 99)])
def test_a_crop_of_odd_sizes(tmp_path, size):
    """The colours have half as many pixels, rounded up, and rows are padded."""
    picture = draw_waves(*size)
    frame = read_one(tmp_path / "run.mkv", picture, codec="ffv1", clock=1000)
    assert frame.size == size
    assert_crop_is_of_rgb(frame)


@pytest.mark.parametrize("colours", ["bt709", "smpte170m"])
@pytest.mark.parametrize("levels", ["tv", "pc"])
def test_a_crop_has_the_colours_that_the_file_means(tmp_path, colours, levels):
    frame = read_one(
        tmp_path / "run.mp4", draw_waves(), colorspace=colours, color_range=levels, **SHARP
    )
    assert_crop_is_of_rgb(frame)


def test_ten_bits_are_made_into_a_picture_first(tmp_path):
    frame = read_one(tmp_path / "run.mp4", draw_waves(), pixel_format="yuv420p10le", **SHARP)
    assert_crop_is_of_rgb(frame)


def test_a_crop_of_a_frame_that_is_a_picture():
    assert_crop_is_of_rgb(Frame(0, 0.0, draw_waves()))


def test_a_crop_does_not_make_the_whole_picture(tmp_path):
    frame = read_one(tmp_path / "run.mp4", draw_waves(), rotation_deg=90, **SHARP)
    frame.crop(np.eye(2, 3), SIDE, SIDE)
    frame.luma(32, 48)
    assert frame.size == (HEIGHT, WIDTH)
    assert "rgb" not in vars(frame)


@pytest.mark.parametrize(
    ("pixels", "levels", "rgb"),
    [  # BT.601: red = y + 1.402 v, green = y - 0.344 u - 0.714 v, blue = y + 1.772 u
        ("yuvj420p", (100, 128, 128), (100, 100, 100)),
        ("yuvj420p", (100, 128, 178), (170, 64, 100)),
        ("yuvj420p", (100, 178, 128), (100, 83, 189)),
        ("yuv420p", (16, 128, 128), (0, 0, 0)),
        ("yuv420p", (235, 128, 128), (255, 255, 255)),
        ("yuv420p", (81, 90, 240), (255, 0, 0)),  # the red, green and blue of colour bars
        ("yuv420p", (145, 54, 34), (0, 255, 0)),
        ("yuv420p", (41, 240, 110), (0, 0, 255)),
        ("yuv420p", (4, 128, 128), (0, 0, 0)),  # blacker than black
        ("yuv420p", (250, 128, 128), (255, 255, 255)),
    ],
)
def test_a_crop_of_one_colour(pixels, levels, rgb):
    crop = wrap(fill_planes(32, 32, levels, pixels)).crop(np.eye(2, 3), 16, 16)
    inner = crop[1:, 1:].astype(float)  # colours of the outermost pixels mix with none
    assert inner == pytest.approx(np.broadcast_to(rgb, inner.shape), abs=1.5)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p"])
def test_outside_the_picture_it_is_black(pixels):
    crop = wrap(fill_planes(32, 32, (200, 60, 190), pixels)).crop(
        np.array([[1.0, 0.0, -16.0], [0.0, 1.0, 0.0]]), 32, 32
    )
    assert (crop[:, :15] == 0).all()
    assert (crop[:, 17:] > 0).any(axis=-1).all()


# --- luma ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation_deg", TURNS)
@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv420p10le"])
def test_luma_is_the_grey_of_the_picture(tmp_path, rotation_deg, pixels):
    frame = read_one(
        tmp_path / "run.mp4",
        draw_waves(),
        pixel_format=pixels,
        rotation_deg=rotation_deg,
        **SHARP,
    )
    width, height = frame.size
    grey = frame.rgb @ [0.299, 0.587, 0.114]
    expected = grey.reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))
    luma = frame.luma(width // 4, height // 4)
    assert luma.flags.c_contiguous
    assert luma.dtype == np.uint8
    assert luma == pytest.approx(expected, abs=4)
    assert np.abs(luma - expected).mean() < 2  # FFmpeg rounds down
    assert np.ptp(expected) > 80


@pytest.mark.parametrize("max_side_px", [None, 96])
def test_luma_of_a_reduced_picture_and_of_pixels_that_are_not_square(tmp_path, max_side_px):
    frame = read_one(
        tmp_path / "run.mp4",
        draw_waves(),
        pixel_aspect=Fraction(1, 2),
        max_side_px=max_side_px,
        rotation_deg=90,
        **SHARP,
    )
    grey = frame.rgb @ [0.299, 0.587, 0.114]
    height, width = grey.shape
    expected = grey.reshape(8, height // 8, 8, width // 8).mean(axis=(1, 3))
    assert frame.luma(8, 8) == pytest.approx(expected, abs=4)


def test_luma_of_a_frame_that_is_a_picture():
    picture = draw_waves()
    expected = (picture @ [0.299, 0.587, 0.114]).reshape(32, 4, 48, 4).mean(axis=(1, 3))
    assert Frame(0, 0.0, picture).luma(48, 32) == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize(
    ("pixels", "level", "grey"),
    [
        ("yuv420p", 16, 0),
        ("yuv420p", 235, 255),
        ("yuv420p", 126, 128),  # (126 - 16) / 219 of 255
        ("yuv420p", 4, 0),  # blacker than black
        ("yuv420p", 250, 255),
        ("yuvj420p", 4, 4),
        ("yuvj420p", 126, 126),
    ],
)
def test_luma_of_one_grey(pixels, level, grey):
    luma = wrap(fill_planes(32, 32, (level, 128, 128), pixels)).luma(8, 8)
    assert luma.astype(float) == pytest.approx(np.full((8, 8), float(grey)), abs=0.6)


# --- the whole picture ---------------------------------------------------------------------------


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv420p10le"])
@pytest.mark.parametrize("rotation_deg", TURNS)
@pytest.mark.parametrize("max_side_px", [None, 100])
def test_the_picture_is_contiguous_and_as_large_as_was_said(
    tmp_path, pixels, rotation_deg, max_side_px
):
    frame = read_one(
        tmp_path / "run.mp4",
        draw_waves(),
        pixel_format=pixels,
        rotation_deg=rotation_deg,
        max_side_px=max_side_px,
        **SHARP,
    )
    rgb = frame.rgb
    assert rgb.flags.c_contiguous
    assert rgb.dtype == np.uint8
    assert (rgb.shape[1], rgb.shape[0]) == frame.size
    assert max(frame.size) == (max_side_px or WIDTH)
    assert (frame.size[0] > frame.size[1]) == (rotation_deg in (0, 180))
    assert frame.rgb is rgb


def test_the_picture_is_turned_counter_clockwise():
    """Bright at the right; after a quarter turn counter-clockwise, bright at the top."""
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 48:] = 255
    decoded = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    frame = wrap(decoded, turns=1)
    for seen in (frame.rgb, frame.crop(np.eye(2, 3), 32, 64)):
        assert seen.shape == (64, 32, 3)
        assert seen[:12].min() > 240
        assert seen[20:].max() < 15


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
def test_a_glimpse_has_about_the_size_asked_for(tmp_path, pixels):
    ramp = np.broadcast_to(
        np.arange(40, 40 + HEIGHT, dtype=np.uint8)[:, None, None], (HEIGHT, WIDTH, 3)
    )
    seen = read_one(tmp_path / "run.mp4", ramp, pixel_format=pixels, **SHARP).glimpse(48)
    assert seen.shape == (32, 48)
    assert (np.diff(seen.astype(int), axis=0) > 0).all()  # brighter downwards
    assert np.ptp(seen, axis=1).max() <= 4


def test_planes_that_lie_upside_down_in_memory_are_read_the_right_way_up():
    """Decoders of old formats give them so: the length of a row is negative."""
    rng = np.random.default_rng(0)
    rgb = (
        rng.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    )
    picture = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=WIDTH, height=HEIGHT, format="yuv420p", time_base=Fraction(1, 30)
    )
    graph.link_nodes(source, graph.add("vflip"), graph.add("buffersink")).configure()
    picture.pts = 0
    graph.vpush(picture)
    turned = graph.vpull()
    assert turned.planes[0].line_size < 0
    upright, flipped = wrap(picture), wrap(turned)
    whole = np.array([[WIDTH / SIDE, 0.0, 0.0], [0.0, HEIGHT / SIDE, 0.0]])
    assert np.array_equal(flipped.luma(48, 32), upright.luma(48, 32)[::-1])
    difference = flipped.crop(whole, SIDE, SIDE)[::-1].astype(int) - upright.crop(whole, SIDE, SIDE)
    assert np.abs(difference).max() <= 2
    assert np.array_equal(flipped.glimpse(HEIGHT), upright.glimpse(HEIGHT)[::-1])
