"""The networks on ONNX Runtime: where they run, and what they say."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from formcheck.errors import ModelError
from formcheck.pose import blazepose_engine, networks
from formcheck.pose.networks import CROP_SIDE_PX, OnnxNetworks, cut_features
from formcheck.pose.region import Region
from formcheck.video.reader import read_frame_near

SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "steady_side.mp4"
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
real_session = onnxruntime.InferenceSession


@pytest.fixture(scope="module")
def lite():
    return OnnxNetworks("lite", "cpu")


@pytest.fixture(scope="module")
def crops():
    """The digital runner, its half, and noise, shape (3, 256, 256, 3)."""
    frame = read_frame_near(SAMPLE, 1.0)
    size = frame.size[1]
    whole = Region(frame.size[0] / 2, size / 2, size, 0.0)
    half = Region(frame.size[0] / 2, size / 2, size / 2, 0.3)
    seen = [
        frame.crop(r.to_picture(CROP_SIDE_PX), CROP_SIDE_PX, CROP_SIDE_PX) for r in (whole, half)
    ]
    noise = np.random.default_rng(0).integers(0, 255, seen[0].shape, dtype=np.uint8)
    return np.stack([*seen, noise])


def pretend(monkeypatch, *providers, session=real_session):
    """Let ONNX Runtime offer these devices, and open sessions in another way."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(providers))
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)


def works_everywhere(path, settings, providers):
    """A session that says it runs on the first provider, and runs on the CPU."""
    session = real_session(path, settings, providers=[CPU])
    session.get_providers = lambda: list(providers)
    return session


def fails_on_cuda(path, settings, providers):
    if CUDA in providers:
        raise RuntimeError("CUDA failure 35: driver is insufficient")
    return real_session(path, settings, providers=providers)


def leaves_out_cuda(path, settings, providers):
    """What ONNX Runtime does where the CUDA libraries are missing: it warns, and uses the rest."""
    return real_session(path, settings, providers=[p for p in providers if p != CUDA])


# --- where they run ------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cuda", "coreml", "directml"])
def test_a_device_that_is_not_there_is_the_cpu_and_a_note(monkeypatch, device):
    pretend(monkeypatch, CPU)
    opened = OnnxNetworks("lite", device)
    assert opened.device == "cpu"
    assert f"no {device} device" in opened.note
    assert "running on the CPU" in opened.note


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_on_a_machine_without_a_card_nothing_is_to_be_noted(monkeypatch, device):
    pretend(monkeypatch, "AzureExecutionProvider", CPU)
    opened = OnnxNetworks("lite", device)
    assert (opened.device, opened.note) == ("cpu", None)


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_a_card_that_works_is_taken(monkeypatch, device):
    asked = []

    def session(path, settings, providers):
        asked.append(providers)
        return works_everywhere(path, settings, providers)

    pretend(monkeypatch, CUDA, CPU, session=session)
    opened = OnnxNetworks("lite", device)
    assert (opened.device, opened.note) == ("cuda", None)
    assert asked == [[CUDA, CPU]] * 3


def test_the_cpu_is_taken_where_it_is_asked_for(monkeypatch):
    pretend(monkeypatch, CUDA, CPU, session=fails_on_cuda)
    opened = OnnxNetworks("lite", "cpu")
    assert (opened.device, opened.note) == ("cpu", None)


def test_auto_leaves_alone_what_has_to_be_asked_for(monkeypatch):
    pretend(monkeypatch, "CoreMLExecutionProvider", "DmlExecutionProvider", CPU)
    assert OnnxNetworks("lite", "auto").device == "cpu"


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_a_card_that_does_not_work_is_the_cpu_and_a_note(monkeypatch, device, crops):
    pretend(monkeypatch, CUDA, CPU, session=fails_on_cuda)
    opened = OnnxNetworks("lite", device)
    assert opened.device == "cpu"
    assert "running on the CPU" in opened.note
    assert opened.read(crops).landmarks.shape == (3, 39, 5)


def test_a_card_that_fails_at_the_first_picture_is_the_cpu_and_a_note(monkeypatch):
    class Breaks:
        def __init__(self, *_, **__):
            pass

        def get_providers(self):
            return [CUDA, CPU]

        def run(self, *_):
            raise RuntimeError("CUDA out of memory")

    def session(path, settings, providers):
        return Breaks() if CUDA in providers else real_session(path, settings, providers=providers)

    pretend(monkeypatch, CUDA, CPU, session=session)
    opened = OnnxNetworks("lite", "auto")
    assert opened.device == "cpu"
    assert "running on the CPU" in opened.note


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_a_card_that_onnx_runtime_leaves_out_is_not_said_to_run(monkeypatch, device):
    pretend(monkeypatch, CUDA, CPU, session=leaves_out_cuda)
    opened = OnnxNetworks("lite", device)
    assert opened.device == "cpu"
    assert "running on the CPU" in opened.note


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_file_that_cannot_be_read_is_said_in_one_line(monkeypatch, tmp_path, device):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph at all")
    pretend(monkeypatch, CUDA, CPU, session=leaves_out_cuda)
    monkeypatch.setattr(networks, "network_path", lambda *_: broken)
    with pytest.raises(ModelError, match="install formcheck again"):
        OnnxNetworks("lite", device)


def test_an_unknown_model_is_said_in_one_line():
    with pytest.raises(ModelError, match="no pose model 'huge'"):
        OnnxNetworks("huge", "cpu")


def test_telemetry_is_off_before_onnx_runtime_is_there():
    script = (
        "import os, sys, formcheck.pose.networks; "
        "print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        env={k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["1", "False"]


# --- what they say -------------------------------------------------------------------------------


def test_a_runner_is_there_and_noise_is_not(lite, crops):
    read = lite.read(crops)
    assert read.presence[0] > 0.9
    assert read.presence[2] < 0.1
    assert read.features == []
    assert read.heatmap.shape == (3, 64, 64, 39)


def test_a_mask_is_a_probability_on_the_runner_and_off(lite, crops):
    (mask,) = lite.draw_masks(lite.read(crops[:1], for_masks=True).features)
    assert mask.shape == (CROP_SIDE_PX, CROP_SIDE_PX)
    assert ((mask >= 0) & (mask <= 1)).all()
    x, y = lite.read(crops[:1]).landmarks[0, [11, 12, 23, 24], :2].mean(axis=0)  # mid-trunk
    assert mask[int(y), int(x)] > 0.9
    assert mask[:20, :20].max() < 0.1
    assert 0.03 < (mask > 0.5).mean() < 0.4


def test_a_part_of_a_mask_is_that_part_of_the_whole(lite, crops):
    features = lite.read(crops[:2], for_masks=True).features
    whole = lite.draw_masks(features)
    low, high = np.array([70.0, 33.0]), np.array([181.0, 150.0])
    for i in range(2):
        parts, (x, y) = cut_features(features, i, low, high)
        (part,) = lite.draw_masks(parts)
        assert part.size < 0.45 * whole[i].size
        asked = (slice(33, 150), slice(70, 181))
        shown = part[33 - y : 150 - y, 70 - x : 181 - x]
        np.testing.assert_allclose(shown, whole[i][asked], atol=1e-4)


@pytest.mark.parametrize("low", [(-500.0, -500.0), (-40.0, 100.0), (255.0, 255.0), (900.0, 900.0)])
def test_a_part_beyond_the_crop_is_cut_off_at_its_edge(lite, crops, low):
    features = lite.read(crops[:1], for_masks=True).features
    parts, (x, y) = cut_features(features, 0, np.array(low), np.array(low) + 60.0)
    (part,) = lite.draw_masks(parts)
    assert part.size > 0
    assert 0 <= x <= CROP_SIDE_PX - part.shape[1]
    assert 0 <= y <= CROP_SIDE_PX - part.shape[0]


def test_in_a_batch_each_crop_gives_what_it_gives_alone(lite, crops):
    together = lite.read(crops, for_masks=True)
    masks = lite.draw_masks(together.features)
    for i, crop in enumerate(crops):
        alone = lite.read(crop[None], for_masks=True)
        np.testing.assert_allclose(together.landmarks[i], alone.landmarks[0], atol=0.01)
        np.testing.assert_allclose(together.presence[i], alone.presence[0], atol=1e-4)
        np.testing.assert_allclose(together.heatmap[i], alone.heatmap[0], atol=0.01)
        np.testing.assert_allclose(masks[i], lite.draw_masks(alone.features)[0], atol=1e-3)
    assert np.abs(masks[0] - masks[1]).max() > 0.5


def test_in_a_batch_each_square_gives_what_it_gives_alone(lite, crops):
    squares = np.ascontiguousarray(crops[:, 16:-16, 16:-16])
    boxes, scores = lite.detect(squares)
    assert (boxes.shape, scores.shape) == ((3, 2254, 12), (3, 2254))
    for i, square in enumerate(squares):
        boxes_alone, scores_alone = lite.detect(square[None])
        np.testing.assert_allclose(boxes[i], boxes_alone[0], atol=0.01)
        np.testing.assert_allclose(scores[i], scores_alone[0], atol=1e-4)
    assert scores[0].max() > 0.5 > scores[2].max()


# --- reduced precision ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reduced():
    from formcheck.pose.openvino_networks import OpenVinoNetworks

    return OpenVinoNetworks("lite", "bfloat16")


def test_openvino_reads_and_draws_what_onnx_runtime_does(lite, crops):
    from formcheck.pose.openvino_networks import OpenVinoNetworks

    networks = OpenVinoNetworks("lite", "float32")
    here, there = (n.read(crops[:1], for_masks=True) for n in (networks, lite))
    np.testing.assert_allclose(here.landmarks, there.landmarks, atol=0.02)
    np.testing.assert_allclose(here.presence, there.presence, atol=1e-4)
    np.testing.assert_allclose(here.heatmap, there.heatmap, atol=0.02)
    for one, other in zip(here.features, there.features, strict=True):
        np.testing.assert_allclose(one, other, atol=0.02)
    np.testing.assert_allclose(
        networks.draw_masks(here.features), lite.draw_masks(there.features), atol=0.01
    )
    assert (networks.device, networks.precision) == ("cpu", "float32")


def test_reduced_precision_reads_what_full_precision_reads(lite, reduced, crops):
    """In float32 they differ by nothing; in bfloat16 by a few pixels of the crop."""
    full, rounded = lite.read(crops[:1]), reduced.read(crops[:1])
    apart = np.linalg.norm(full.landmarks[0, :33, :2] - rounded.landmarks[0, :33, :2], axis=1)
    assert np.median(apart) < 4
    assert rounded.presence[0] == pytest.approx(full.presence[0], abs=0.05)
    assert rounded.heatmap.shape == full.heatmap.shape
    assert (reduced.device, reduced.precision, reduced.note) == ("cpu", "bfloat16", None)
    assert (lite.device, lite.precision) == ("cpu", "float32")


def test_reduced_precision_draws_the_same_mask(lite, reduced, crops):
    masks = [
        networks.draw_masks(networks.read(crops[:1], for_masks=True).features)[0] > 0.5
        for networks in (lite, reduced)
    ]
    both, either = masks[0] & masks[1], masks[0] | masks[1]
    assert both.sum() > 0.95 * either.sum()


def test_reduced_precision_takes_several_crops_and_several_threads(reduced, crops):
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda _: reduced.read(crops), range(6)))
    for i in range(len(crops)):
        alone = reduced.read(crops[i : i + 1])
        for read in together:
            np.testing.assert_allclose(read.landmarks[i], alone.landmarks[0], atol=0.01)


@pytest.mark.parametrize(("precision", "runs_in"), [("full", "float32"), ("reduced", "bfloat16")])
def test_precision_follows_the_wish(precision, runs_in):
    opened = blazepose_engine._open_networks.__wrapped__("lite", "cpu", precision)
    assert (opened.precision, opened.note) == (runs_in, None)


@pytest.mark.parametrize(("precision", "is_told"), [("full", False), ("reduced", True)])
def test_without_openvino_it_runs_in_full_precision(monkeypatch, precision, is_told):
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it fails
    opened = blazepose_engine._open_networks.__wrapped__("lite", "cpu", precision)
    assert opened.precision == "float32"
    assert (opened.note is not None) == is_told
    assert not is_told or "pip install 'formcheck[fast]'" in opened.note
