"""The pose engine on ONNX Runtime: whom it follows where, and that it sees what MediaPipe sees."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from threading import Barrier

import cv2
import numpy as np
import pytest
from digital_runner.truth import SUFFIX, Truth

from formcheck.keypoints import INDEX, KEYPOINTS
from formcheck.pose.blazepose_engine import BlazePoseEngine
from formcheck.pose.mediapipe_engine import MediaPipeEngine
from formcheck.pose.networks import OnnxNetworks, Read
from formcheck.pose.region import apply
from formcheck.video.frame import Frame
from formcheck.video.reader import read_frames

SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "steady_side.mp4"
WIDTH, HEIGHT = 640, 480
FPS = 30.0
SPOT_PX = 5.0
RADIUS = 80.0  # of the circle around a body
REACH = 100.0  # half the side of a body's region: 1.25 times as much
CROP = 256
SHARES = np.arange(len(KEYPOINTS)) / len(KEYPOINTS)  # where the points lie from hips to rim
SHARES[[INDEX["left_hip"], INDEX["right_hip"]]] = 0.05
SHARES[[INDEX["left_shoulder"], INDEX["right_shoulder"]]] = 0.5
PATIENCE_S = 300


# --- bodies of two spots, and networks that know them --------------------------------------------


def stand_at(x, y=300.0, *, lean_deg=0.0):
    """A body: middle of its hips and rim of its circle, shape (2, 2)."""
    lean = np.radians(lean_deg)
    return np.array([(x, y), (x + RADIUS * np.sin(lean), y - RADIUS * np.cos(lean))])


def points_of(body):
    return body[0] + SHARES[:, None] * (body[1] - body[0])


def draw(bodies):
    """Red spots at the hips, green ones at the rims."""
    picture = np.zeros((HEIGHT, WIDTH, 3))
    for body in bodies:
        for channel, (at_x, at_y) in enumerate(body):
            across = np.exp(-((np.arange(WIDTH) + 0.5 - at_x) ** 2) / (2 * SPOT_PX**2))
            down = np.exp(-((np.arange(HEIGHT) + 0.5 - at_y) ** 2) / (2 * SPOT_PX**2))
            spot = down[:, None] * across
            picture[..., channel] = np.maximum(picture[..., channel], 255 * spot)
    return np.round(picture).astype(np.uint8)


def film(*bodies_of_frames, fps=FPS):
    return [Frame(i, i / fps, draw(bodies)) for i, bodies in enumerate(bodies_of_frames)]


def find_spots(channel):
    """Middles of the spots, shape (spot, 2), continuous coordinates."""
    count, labels = cv2.connectedComponents((channel > 60).astype(np.uint8))
    y, x = np.mgrid[: channel.shape[0], : channel.shape[1]] + 0.5
    middles = []
    for label in range(1, count):
        weight = np.where(labels == label, channel, 0).astype(float)
        middles.append(((x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()))
    return np.array(middles).reshape(-1, 2)


def nearest(points, place):
    return points[np.argmin(np.hypot(*(points - place).T))]


class SpotNetworks:
    """Find bodies by their spots; keep what they were shown."""

    def __init__(self):
        self.squares, self.crops = [], []
        self.masked = 0

    def detect(self, squares):
        boxes, scores = np.zeros((len(squares), 2254, 12)), np.zeros((len(squares), 2254))
        for k, square in enumerate(squares):
            self.squares.append(square)
            rims = find_spots(square[..., 1])
            for i, hips in enumerate(find_spots(square[..., 0])):
                anchor = (4 + 8 * i, 4)  # the first row has one at every 8 pixels
                boxes[k, 2 * i, :2] = hips - anchor
                boxes[k, 2 * i, 2:4] = 10
                boxes[k, 2 * i, 4:6] = hips - anchor
                boxes[k, 2 * i, 6:8] = nearest(rims, hips) - anchor
                scores[k, 2 * i] = 0.6 + 0.3 * hips[0] / 224  # surer of who is further right
        return boxes.astype(np.float32), scores.astype(np.float32)

    def read(self, crops, *, for_masks=False):
        landmarks = np.zeros((len(crops), 39, 5), np.float32)
        presence = np.full(len(crops), 0.1, np.float32)
        for k, crop in enumerate(crops):
            self.crops.append(crop)
            all_hips, rims = find_spots(crop[..., 0]), find_spots(crop[..., 1])
            if not len(all_hips) or not len(rims):
                continue
            presence[k] = 0.9
            hips = nearest(all_hips, (CROP / 2, CROP / 2))
            rim = nearest(rims, hips)
            landmarks[k, : len(KEYPOINTS), :2] = points_of(np.array([hips, rim]))
            landmarks[k, 33, :2], landmarks[k, 34, :2] = hips, rim
            landmarks[k, :, 3] = np.log(4)  # a probability of 0.8
            landmarks[k, :, 4] = -3.0
        heatmap = np.full((len(crops), 64, 64, 39), -20, np.float32)  # sure of nothing
        features = [crops.transpose(0, 3, 1, 2).astype(np.float32)] * 2 if for_masks else []
        return Read(landmarks, presence, heatmap, features)

    def draw_masks(self, features):
        self.masked += len(features[0])
        return features[0][:, 0] / np.float32(255)


def track(frames, **settings):
    networks = SpotNetworks()
    return list(BlazePoseEngine(networks=networks, **settings).track(frames)), networks


def assert_sees(poses, *bodies, tolerance=0.7):
    """Exactly these bodies, in any order."""
    assert poses.position.shape == (len(bodies), len(KEYPOINTS), 2)
    assert poses.confidence == pytest.approx(np.full(poses.position.shape[:2], 0.8))
    for body in bodies:
        away = np.abs(poses.position - points_of(body)).max(axis=(1, 2))
        assert away.min(initial=np.inf) < tolerance


# --- following one -------------------------------------------------------------------------------


def test_a_moving_body_is_followed_without_looking_for_it_again():
    bodies = [stand_at(100 + 12 * i, 250 + 4 * i) for i in range(30)]
    seen, networks = track(film(*([body] for body in bodies)))
    for poses, body in zip(seen, bodies, strict=True):
        assert_sees(poses, body)
    assert [poses.frame.index for poses in seen] == list(range(30))
    assert len(networks.squares) == 1
    assert len(networks.crops) == 30


@pytest.mark.parametrize("lean_deg", [0, 40, -70, 170])
def test_a_turned_body_lies_where_it_lies_in_the_frame_and_stands_upright_in_the_crop(lean_deg):
    body = stand_at(330, 240, lean_deg=lean_deg)
    seen, networks = track(film([body], [body]))
    for poses in seen:
        assert_sees(poses, body)
    (hips,), (rim,) = (find_spots(networks.crops[1][..., channel]) for channel in (0, 1))
    assert hips == pytest.approx([128, 128], abs=1)
    assert rim == pytest.approx([128, 128 - 128 / 1.25], abs=1)


def test_a_body_that_turns_and_comes_nearer_is_followed():
    bodies = []
    for i in range(20):
        small = stand_at(300, 260, lean_deg=3 * i)
        bodies.append(small[0] + (small - small[0]) * (1 + i / 20))
    seen, networks = track(film(*([body] for body in bodies)))
    for poses, body in zip(seen, bodies, strict=True):
        assert_sees(poses, body, tolerance=1.5)
    assert len(networks.squares) == 1


def test_a_body_half_outside_the_picture_keeps_its_places():
    body = stand_at(12, 470)
    seen, _ = track(film([body], [body], [body]))
    for poses in seen:
        assert_sees(poses, body, tolerance=1.5)


def test_the_detector_sees_the_whole_picture_in_the_middle_of_its_square():
    """640 x 480 in 224 x 224: 168 rows, 28 black ones above and below."""
    _, networks = track(film([stand_at(320, 240)]))
    (square,) = networks.squares
    assert square.shape == (224, 224, 3)
    (hips,) = find_spots(square[..., 0])
    assert hips == pytest.approx([112, 112], abs=0.5)


def test_who_is_lost_is_looked_for_in_the_next_frame():
    here, there = stand_at(120), stand_at(520)
    seen, networks = track(film([here], [here], [there], [there], [there]))
    assert_sees(seen[1], here)
    assert_sees(seen[2])
    assert_sees(seen[3], there)
    assert_sees(seen[4], there)
    assert len(networks.squares) == 2


def test_while_nobody_is_there_every_frame_is_looked_at():
    body = stand_at(320)
    seen, networks = track(film([], [], [], [body], [body]))
    assert [len(poses.position) for poses in seen] == [0, 0, 0, 1, 1]
    assert seen[0].confidence.shape == (0, len(KEYPOINTS))
    assert len(networks.squares) == 4
    assert len(networks.crops) == 2


def test_nothing_comes_of_nothing():
    assert track([])[0] == []


def test_each_call_begins_anew():
    engine = BlazePoseEngine(networks=SpotNetworks())
    here, there = stand_at(150), stand_at(500)
    assert_sees(*engine.track(film([here])), here)
    assert_sees(*engine.track(film([there])), there)


# --- several people ------------------------------------------------------------------------------


def test_two_are_told_apart_and_keep_their_order():
    ways = [(stand_at(120 + 4 * i), stand_at(520 - 3 * i, 340)) for i in range(20)]
    seen, networks = track(film(*ways), people=2)
    for poses, two in zip(seen, ways, strict=True):
        assert_sees(poses, *two)
    first = [poses.position[0, 0, 0] for poses in seen]
    assert np.abs(np.diff(first)).max() < 10
    assert len(networks.squares) == 1


@pytest.mark.parametrize("people", [1, 2, 3])
def test_no_more_are_followed_than_were_asked_for_the_surest_first(people):
    three = [stand_at(520), stand_at(320), stand_at(120)]
    seen, _ = track(film(three, three), people=people)
    for poses in seen:
        assert_sees(poses, *three[:people])


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_further_people_are_looked_for_twice_a_second(fps):
    alone = [[stand_at(150)]] * int(1.3 * fps)
    seen, networks = track(film(*alone, fps=fps), people=2)
    assert len(networks.squares) == 3  # at 0, 0.5 and 1 second
    for poses in seen:
        assert_sees(poses, stand_at(150))


@pytest.mark.parametrize(("known_x", "newcomer_x"), [(150, 480), (480, 150)])
def test_one_who_comes_later_is_found_and_who_is_known_takes_up_no_second_place(
    known_x, newcomer_x
):
    """Whichever of the two the detector is surer of."""
    first, second = stand_at(known_x), stand_at(newcomer_x)
    frames = film(*[[first]] * 6, *[[first, second]] * 12)
    seen, networks = track(frames, people=2)
    assert_sees(seen[14], first)
    for poses in seen[15:]:
        assert_sees(poses, first, second)
    assert len(networks.squares) == 2


def test_one_who_leaves_does_not_take_the_other_along():
    left, right = stand_at(150), stand_at(480)
    for stays in (left, right):
        seen, _ = track(film([left, right], [left, right], [stays], [stays]), people=2)
        assert_sees(seen[1], left, right)
        assert_sees(seen[2], stays)
        assert_sees(seen[3], stays)


def test_a_region_that_slides_onto_another_body_is_dropped():
    """The second vanishes 70 pixels from the first, which still lies in its region."""
    first, second = stand_at(300), stand_at(370)
    assert REACH > 70
    seen, _ = track(film([first, second], [first, second], [first], [first]), people=2)
    assert_sees(seen[1], first, second)
    assert_sees(seen[2], first)
    assert_sees(seen[3], first)


# --- masks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [10.0, 24.0, 30.0, 60.0, 120.0])
def test_a_mask_is_drawn_in_each_tenth_of_a_second(fps):
    frames = int(4 * fps)
    seen, networks = track(
        film(*[[stand_at(320)]] * frames, fps=fps), masks=True, mask_interval_s=0.1
    )
    masked = [i for i, poses in enumerate(seen) if poses.masks is not None]
    assert all(len(seen[i].masks) == 1 for i in masked)
    assert networks.masked == len(masked) == pytest.approx(40, abs=1)
    assert np.diff(masked).max() <= 0.2 * fps + 1


def test_without_an_interval_a_mask_is_drawn_on_every_frame():
    seen, _ = track(film(*[[stand_at(320)]] * 20), masks=True)
    assert all(poses.masks is not None for poses in seen)


@pytest.mark.parametrize("stride_frames", [18, 21, 24])
def test_masks_do_not_fall_into_step_with_the_strides(stride_frames):
    seen, _ = track(film(*[[stand_at(320)]] * 720, fps=30.0), masks=True, mask_interval_s=0.1)
    phases = [i % stride_frames for i, poses in enumerate(seen) if poses.masks is not None]
    assert len(set(phases)) > 0.9 * stride_frames


def test_masks_come_at_the_same_times_wherever_a_span_begins():
    def masked_from(first):
        frames = [f for f in film(*[[stand_at(320)]] * 60, fps=30.0) if f.index >= first]
        seen, _ = track(frames, masks=True, mask_interval_s=0.1)
        return [poses.frame.index for poses in seen[1:] if poses.masks is not None]

    assert masked_from(20) == [i for i in masked_from(0) if i > 20]


def test_masks_that_nobody_wants_are_not_drawn():
    seen, networks = track(film(*[[stand_at(320)]] * 5))
    assert [poses.masks for poses in seen] == [None] * 5
    assert networks.masked == 0


def assert_masks_lie_on_their_bodies(poses):
    """The fake mask is the red of the picture: its summit lies at the hips."""
    assert len(poses.masks) == len(poses.position)
    for mask, position in zip(poses.masks, poses.position, strict=True):
        assert max(mask.probability.shape) < CROP / 2  # only the part that is asked for
        assert mask.probability.dtype == np.float32
        x, y = apply(mask.to_mask, position[0])  # SHARES[0] is 0: the hips
        row, column = np.unravel_index(mask.probability.argmax(), mask.probability.shape)
        assert (column + 0.5, row + 0.5) == pytest.approx((x, y), abs=1.5)
        assert mask.probability.max() > 0.9


@pytest.mark.parametrize("lean_deg", [0, 50, -120])
def test_a_mask_lies_where_the_person_is(lean_deg):
    """In a crop of 256 pixels for 200 of the frame, turned with the body."""
    bodies = [[stand_at(200 + 15 * i, 260, lean_deg=lean_deg)] for i in range(7)]
    seen, _ = track(film(*bodies), masks=True)
    for poses in seen:
        assert_masks_lie_on_their_bodies(poses)
    (mask,) = seen[-1].masks
    stretch = np.linalg.det(mask.to_mask[:, :2])
    assert stretch == pytest.approx((CROP / (2 * REACH)) ** 2, rel=0.05)


@pytest.mark.parametrize("stays", [0, 1])
def test_each_person_has_their_own_mask_also_when_another_has_left(stays):
    """They move in different ways, so that they lie in different places of their crops."""
    ways = [[stand_at(150 + 8 * i), stand_at(480, 300 - 8 * i)] for i in range(12)]
    ways[6:] = [[bodies[stays]] for bodies in ways[6:]]
    seen, _ = track(film(*ways), people=2, masks=True)
    for i, poses in enumerate(seen):
        assert len(poses.masks) == (2 if i < 6 else 1)
        assert_masks_lie_on_their_bodies(poses)


def test_where_masks_are_due_and_nobody_is_there_there_are_none():
    seen, networks = track(film([], []), masks=True)
    assert not any(poses.masks for poses in seen)
    assert networks.masked == 0


# --- with the real networks ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames():
    """40 consecutive frames of a runner from the left, 640 x 424."""
    return [frame for frame, _ in zip(read_frames(SAMPLE), range(40), strict=False)]


@pytest.fixture(scope="module")
def truth(frames):
    """The true middles of hips and shoulders, each shape (frame, 2)."""
    told = Truth.read(SAMPLE.with_suffix(SUFFIX))
    times_s = np.array([frame.time_s for frame in frames])
    assert told.columns["time_s"][: len(frames)] == pytest.approx(times_s, abs=1e-3)
    return {
        part: (told.joints_px[f"left_{part}"] + told.joints_px[f"right_{part}"])[: len(frames)] / 2
        for part in ("hip", "shoulder")
    }


@pytest.fixture(scope="module")
def trunk_px(truth):
    return float(np.median(np.hypot(*(truth["shoulder"] - truth["hip"]).T)))


def positions(tracked):
    """Points of the one person, shape (frame, keypoint, 2)."""
    people = [poses.position for poses in tracked]
    assert [len(p) for p in people] == [1] * len(people)
    return np.concatenate(people)


@pytest.fixture(scope="module")
def seen_by_us(frames):
    return positions(BlazePoseEngine("full", "cpu").track(frames))


def middle(points, part):
    return points[:, [INDEX[f"left_{part}"], INDEX[f"right_{part}"]]].mean(axis=1)


@pytest.mark.parametrize("part", ["hip", "shoulder"])
def test_the_trunk_of_the_digital_runner_is_where_it_is(seen_by_us, truth, trunk_px, part):
    """A network's hips and shoulders are not quite the joints; the rest must be small."""
    offset = (middle(seen_by_us, part) - truth[part]) / trunk_px
    assert np.hypot(*np.median(offset, axis=0)) < 0.12
    assert np.hypot(*(offset - np.median(offset, axis=0)).T).max() < 0.1


def distance_to_mediapipe(points, frames, trunk_px):
    """Median over points and frames, in trunk lengths."""
    theirs = positions(MediaPipeEngine("full").track(frames))
    return np.median(np.linalg.norm(points - theirs, axis=-1)) / trunk_px


def test_it_sees_what_mediapipe_sees_but_for_its_smoothing(seen_by_us, frames, trunk_px):
    assert distance_to_mediapipe(seen_by_us, frames, trunk_px) <= 0.035


def test_it_sees_what_mediapipe_sees_without_its_smoothing(seen_by_us, frames, trunk_px):
    """So much time between two frames that MediaPipe's filter lets each one through."""
    slow = [Frame(f.index, f.time_s * 5000, f.rgb) for f in frames]
    assert distance_to_mediapipe(seen_by_us, slow, trunk_px) <= 0.015


def test_two_threads_at_once_see_what_one_sees(frames):
    """Each its own frames, in step; the masks too."""
    engine = BlazePoseEngine(masks=True, networks=OnnxNetworks("lite", "cpu"))
    spans = (frames[:8], frames[20:28])
    together = Barrier(len(spans))

    def in_step(span):
        for frame in span:
            together.wait(PATIENCE_S)
            yield frame

    alone = [list(engine.track(span)) for span in spans]
    with ThreadPoolExecutor(len(spans)) as pool:
        at_once = list(pool.map(lambda span: list(engine.track(in_step(span))), spans))
    assert not np.array_equal(alone[0][3].position, alone[1][3].position)
    for before, after in zip(chain(*alone), chain(*at_once), strict=True):
        assert np.array_equal(before.position, after.position)
        assert np.array_equal(before.confidence, after.confidence)
        assert (before.masks is None) == (after.masks is None)
        for one, other in zip(before.masks or [], after.masks or [], strict=True):
            assert np.array_equal(one.probability, other.probability)
            assert np.array_equal(one.to_mask, other.to_mask)


def test_a_mask_covers_the_trunk_of_the_digital_runner(frames, truth):
    (poses,) = BlazePoseEngine("lite", "cpu", masks=True).track(frames[:1])
    (mask,) = poses.masks
    hip, shoulder = truth["hip"][0], truth["shoulder"][0]
    for share in (0.2, 0.5, 0.8):
        on_trunk = hip + share * (shoulder - hip)
        x, y = apply(mask.to_mask, on_trunk)
        assert mask.probability[int(y), int(x)] > 0.8
        for aside in (-0.6, 0.6):  # so many trunk lengths to either side there is nobody
            beside = on_trunk + aside * np.array([np.hypot(*(shoulder - hip)), 0])
            x, y = apply(mask.to_mask, beside)
            assert mask.probability[int(y), int(x)] < 0.2
