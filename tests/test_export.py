"""Exports, opened by other people's programs: what is in them is what the runner did."""

import csv
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer

import formcheck.export
import formcheck.pipeline
from formcheck.cli.app import app
from formcheck.cli.options import ExportFormat
from formcheck.errors import DiskFullError
from formcheck.export import FORMATS, choose_formats, export_analysis, tell_height
from formcheck.export.markers import bring_onto_clock, choose_clock
from formcheck.keypoints import INDEX, KEYPOINTS, Keypoints
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report import write_report
from tests.synthetic import HIP_HEIGHT, describe_video, make_runner, observe_runner

ROOT = Path(__file__).parents[1]
FIELD = ROOT / "build" / "field"
PATIENCE_S = 600
HEIGHT_CM = 178.0
LEG_MM = 10 * HEIGHT_CM * 0.491
HIP_PX = (640.0, 340.0)
FRAMES = 1800  # of the runner that most tests look at, 30 a second
STEADY_POINTS = ["left_hip", "right_hip", "left_shoulder", "right_shoulder", "right_ear"]
NEAR_MM = 12.0  # by which smoothing may move a point of the trunk


def analyse(folder, body, *, options=None, change=lambda observation: observation, **how):
    """The analysis of a synthetic runner, as if filmed."""
    video = folder / "run.mp4"
    video.write_bytes(b"not needed")
    observation = change(observe_runner(body, **how))
    return assess_run(describe_video(video, body), observation, options or Options())


def export(analysis, folder, *names, name="treadmill"):
    told = tell_height(analysis, HEIGHT_CM)
    formats, _ = choose_formats(names, HEIGHT_CM)
    written, left_out = export_analysis(told, folder, formats, name)
    assert left_out == {}
    return written


def true_place_mm(body, name, view="side"):
    """Where a point is by the formulas of the synthetic body: X, Y, Z."""
    across, down = (body.keypoints.point(name) - HIP_PX).T / body.leg_length_px * LEG_MM
    up = HIP_HEIGHT * LEG_MM - down
    zero = np.zeros(len(up))
    if view == "side":
        return np.stack([body.direction * across, up, zero], axis=1)
    return np.stack([zero, up, across if view == "rear" else -across], axis=1)


def elsewhere(code, folder):
    """What a program without formcheck, with the readers of the field, prints as its last line."""
    assert (FIELD / ".ready").is_file(), "the readers are not set up: run `make field`"
    settings = os.environ | {"PYTHONPATH": str(FIELD), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def example(section):
    """The lines of code in a section of the docs."""
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    return re.search(rf"\n## {section}\n.*?```python\n(.*?)```", page, flags=re.DOTALL)[1]


READ_TRC = """
import json, numpy as np, opensim
table = opensim.TimeSeriesTableVec3("treadmill.trc")
numbers = table.flatten()  # kept: OpenSim's views outlive what they look at
matrix = numbers.getMatrix()
flat = matrix.to_numpy().reshape(table.getNumRows(), -1, 3)
old = opensim.MarkerData("treadmill.trc")  # the reader behind OpenSim's tools
last = old.getFrame(old.getNumFrames() - 1)
np.save("trc.npy", flat)
print(json.dumps({
    "labels": table.getColumnLabels(),
    "time": table.getIndependentColumn(),
    "units": table.getTableMetaDataString("Units"),
    "rate": float(table.getTableMetaDataString("DataRate")),
    "old": [old.getNumFrames(), old.getNumMarkers(), old.getUnits().getLabel(), old.getDataRate()],
    "last": [last.getMarker(old.getNumMarkers() - 1).get(i) for i in range(3)],
    "last_time": last.getFrameTime(),
    "first_number": old.getFrame(0).getFrameNumber(),
}))
"""


def read_trc(folder):
    read = elsewhere(READ_TRC, folder)
    return read, np.load(folder / "trc.npy")


def assert_near_truth(place, body, at=slice(None), view="side"):
    for name in STEADY_POINTS:
        off = place[:, INDEX[name]] - true_place_mm(body, name, view)[at]
        assert np.abs(off[30:-30]).max() < NEAR_MM, name


@pytest.fixture(scope="module")
def body():
    return make_runner(FRAMES / 30, 30, hip_px=HIP_PX, lean_sd_deg=0.5)


@pytest.fixture(scope="module")
def analysis(tmp_path_factory, body):
    return analyse(tmp_path_factory.mktemp("run"), body)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, analysis):
    """A finished result with all its exports."""
    folder = tmp_path_factory.mktemp("result") / "treadmill"
    write_report(analysis, folder)
    export(analysis, folder, "all")
    return folder


# --- TRC -----------------------------------------------------------------------------------------


def test_opensim_reads_the_markers_of_a_trc(folder, body):
    read, place = read_trc(folder)
    assert read["labels"] == list(KEYPOINTS)
    assert (read["units"], read["rate"]) == ("mm", 30)
    assert read["old"] == [FRAMES, 33, "millimeters", 30]
    assert read["time"] == pytest.approx(np.arange(FRAMES) / 30, abs=1e-6)
    assert read["last"] == pytest.approx(place[-1, -1])
    assert read["first_number"] == 1
    assert_near_truth(place, body)
    assert np.all(place[..., 2] == 0)


def test_the_markers_are_the_keypoints_in_another_scale(folder, analysis):
    _, place = read_trc(folder)
    px = analysis.series.keypoints.position
    mm_per_px = LEG_MM / analysis.setting("leg_length_px")
    step = np.diff(px, axis=0) * mm_per_px
    np.testing.assert_allclose(np.diff(place[..., 0], axis=0), step[..., 0], atol=0.002)
    np.testing.assert_allclose(np.diff(place[..., 1], axis=0), -step[..., 1], atol=0.002)


def test_the_standing_foot_is_on_the_ground(folder):
    _, place = read_trc(folder)
    feet = place[:, [INDEX["left_foot_index"], INDEX["right_foot_index"]], 1]
    assert np.median(feet.min(axis=1)) == pytest.approx(0, abs=10)


def test_a_runner_who_faces_left_runs_forward_too(tmp_path):
    body = make_runner(40.0, 30, direction=-1, hip_px=HIP_PX)
    export(analyse(tmp_path, body), tmp_path, "trc")
    _, place = read_trc(tmp_path)
    assert_near_truth(place, body)
    ahead = place[:, INDEX["left_foot_index"], 0] - place[:, INDEX["left_heel"], 0]
    assert np.median(ahead) > 100


@pytest.mark.parametrize("view", ["rear", "front"])
def test_from_behind_and_in_front_the_right_hip_is_on_the_right(tmp_path, view):
    body = make_runner(40.0, 30, view=view, hip_px=HIP_PX)
    export(analyse(tmp_path, body), tmp_path, "trc", "c3d")
    _, place = read_trc(tmp_path)
    assert_near_truth(place, body, view=view)
    assert np.median(place[:, INDEX["right_hip"], 2] - place[:, INDEX["left_hip"], 2]) > 100
    assert np.all(place[..., 0] == 0)
    # foot contacts are measured from the side only
    assert read_c3d(tmp_path)["events"] == [0]


def test_slow_motion_is_told_in_real_time(tmp_path):
    body = make_runner(20.0, 240, hip_px=HIP_PX)
    slow = analyse(tmp_path, body, options=Options(slow_motion=8), slow_motion=8.0)
    export(slow, tmp_path, "trc")
    read, place = read_trc(tmp_path)
    assert read["rate"] == 240
    assert read["time"][-1] == pytest.approx(20 - 1 / 240, abs=1e-5)
    assert_near_truth(place, body)


def test_the_roll_of_the_camera_is_taken_out(tmp_path, body):
    def roll(observation):
        camera = observation.camera
        turn = np.interp(camera.time_s, [0, 15, 20], [0, 0, 5.0])
        angle = np.radians(np.interp(observation.video_time_s, camera.time_s, turn))
        person = observation.people[0]
        x, y = np.moveaxis(person.keypoints.position - camera.centre_px, 2, 0)
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        turned = np.stack([x * cos - y * sin, y * cos + x * sin], axis=2) + camera.centre_px
        seen = person.keypoints.with_position(turned)
        return dataclasses.replace(
            observation,
            camera=dataclasses.replace(camera, roll_deg=turn),
            people=[dataclasses.replace(person, keypoints=seen)],
        )

    export(analyse(tmp_path, body, change=roll), tmp_path, "trc")
    _, place = read_trc(tmp_path)
    assert_near_truth(place, body)


def test_an_uneven_clock_is_made_even_and_gaps_stay_gaps(tmp_path):
    """Frames that come a third of an interval early or late, in two windows a minute apart."""
    late = np.random.default_rng(3).uniform(-0.33, 0.33, 1800)
    time_s = np.concatenate([np.arange(900), np.arange(2700, 3600)]) + late
    time_s = (time_s - time_s[0]) / 30 + 0.1
    body = make_runner(time_s=time_s, hip_px=HIP_PX)
    export(analyse(tmp_path, body), tmp_path, "trc", "c3d")
    read, place = read_trc(tmp_path)
    clock = np.array(read["time"])
    assert np.diff(clock) == pytest.approx(1 / read["rate"], abs=2e-6)
    assert read["rate"] == pytest.approx(30, abs=0.1)
    # begins where the frames do, with the number of that frame
    assert 0.1 <= clock[0] < 0.1 + 1 / read["rate"]
    assert read["first_number"] == round(clock[0] * read["rate"]) + 1
    assert read_c3d(tmp_path)["first_frame"] == read["first_number"]
    pause = (clock > time_s[899]) & (clock < time_s[900])
    assert pause.sum() == pytest.approx(1800, abs=10)
    assert np.isnan(place[pause]).all()
    assert np.isfinite(place[~pause]).all()
    inside = ~pause & (np.abs(clock[:, None] - time_s[[0, 899, 900, -1]]).min(axis=1) > 1)
    even = make_runner(time_s=np.concatenate([[time_s[0]], clock[inside]]), hip_px=HIP_PX)
    assert_near_truth(place[inside], even, at=slice(1, None))


def test_a_hidden_point_is_blank_while_it_is_hidden(tmp_path, body):
    hidden = slice(300, 360)

    def hide(observation):
        person = observation.people[0]
        confidence = person.keypoints.confidence.copy()
        confidence[hidden, INDEX["right_wrist"]] = 0.0
        seen = dataclasses.replace(person.keypoints, confidence=confidence)
        return dataclasses.replace(
            observation, people=[dataclasses.replace(person, keypoints=seen)]
        )

    analysis = analyse(tmp_path, body, change=hide)
    export(analysis, tmp_path, "all")
    _, place = read_trc(tmp_path)
    unknown = np.isnan(place)
    wrist = INDEX["right_wrist"]
    assert unknown[hidden, wrist].all()
    assert unknown.sum() == 3 * 60
    read = read_c3d(tmp_path)
    assert [read["residuals"][i][wrist] for i in (299, 300, 359, 360)] == [0, -1, -1, 0]
    # the elbow's angle is unknown there, and OpenSim's table of angles has no such rows
    angles = elsewhere(READ_MOT, tmp_path)
    known = np.isfinite(analysis.series.angles.elbow_angle_deg)
    assert (~known).sum() == 60
    assert angles["time"] == pytest.approx(body.keypoints.time_s[known], abs=1e-6)
    rows = list(csv.DictReader((tmp_path / "treadmill_frames.csv").open(encoding="utf-8")))
    assert [row["right_wrist_x"] == "" for row in rows] == (~known).tolist()


def test_a_name_that_breaks_lines_breaks_no_file(tmp_path, analysis):
    export(analysis, tmp_path, "trc", "mot", name="läuf\t🏃\n1")
    for path in list(tmp_path.glob("*.trc")) + list(tmp_path.glob("*.mot")):
        path.rename(tmp_path / f"treadmill{path.suffix}")
    assert read_trc(tmp_path)[0]["old"][:2] == [FRAMES, 33]
    assert len(elsewhere(READ_MOT, tmp_path)["time"]) == FRAMES


def test_a_name_as_long_as_can_be_leaves_room_for_the_ends(tmp_path, analysis):
    export(analysis, tmp_path, "mot", "csv", "netcdf", name="ü" * 127)
    names = {path.name for path in tmp_path.iterdir()}
    ends = (".mot", ".nc", "_frames.csv", "_strides.csv", "_metrics.csv")
    assert names == {"ü" * 121 + end for end in ends}


# --- MOT -----------------------------------------------------------------------------------------

READ_MOT = """
import json, opensim
storage = opensim.Storage("treadmill.mot")  # the reader behind OpenSim's tools
names = [storage.getColumnLabels().get(i) for i in range(storage.getColumnLabels().size())]
def column(name):
    values = opensim.ArrayDouble()
    if name == "time":
        storage.getTimeColumn(values)
    else:
        storage.getDataColumn(name, values)
    return [values.get(i) for i in range(values.size())]
table = opensim.TimeSeriesTable("treadmill.mot")
print(json.dumps({
    "degrees": storage.isInDegrees(),
    "rows": [storage.getSize(), table.getNumRows()],
    "columns": names,
    "new_columns": table.getColumnLabels(),
} | {name: column(name) for name in names}))
"""


def test_opensim_reads_the_angles_of_a_mot(folder, analysis):
    read = elsewhere(READ_MOT, folder)
    names = ["trunk_lean", "neck_flexion", "knee_flexion_r", "elbow_angle_r"]
    assert read["degrees"] is True
    assert read["columns"] == ["time", *names]
    assert read["new_columns"] == names
    assert read["rows"] == [FRAMES, FRAMES]
    for name in names:
        angle = getattr(analysis.series.angles, name.removesuffix("_r") + "_deg")
        np.testing.assert_allclose(read[name], angle, atol=1e-6, err_msg=name)
    assert np.mean(read["trunk_lean"]) == pytest.approx(4.0, abs=0.2)  # as the body was made


def test_from_behind_the_angles_are_those_of_that_view(tmp_path):
    body = make_runner(40.0, 30, view="rear", hip_px=HIP_PX)
    export(analyse(tmp_path, body), tmp_path, "mot")
    read = elsewhere(READ_MOT, tmp_path)
    assert read["columns"][1:3] == ["lateral_trunk_lean", "pelvic_obliquity"]
    assert "trunk_lean" not in read["columns"]


def test_an_angle_that_is_seldom_known_costs_the_others_no_rows(tmp_path, analysis):
    angles = analysis.series.angles
    elbow = angles.elbow_angle_deg.copy()
    elbow[:1000] = np.nan
    series = dataclasses.replace(
        analysis.series, angles=dataclasses.replace(angles, elbow_angle_deg=elbow)
    )
    export(dataclasses.replace(analysis, series=series), tmp_path, "mot")
    read = elsewhere(READ_MOT, tmp_path)
    assert read["columns"] == ["time", "trunk_lean", "neck_flexion", "knee_flexion_r"]
    assert read["rows"] == [FRAMES, FRAMES]


def test_without_any_angle_there_is_no_mot(tmp_path, analysis):
    unknown = {name: np.full(FRAMES, np.nan) for name in vars(analysis.series.angles)}
    angles = dataclasses.replace(analysis.series.angles, **unknown)
    series = dataclasses.replace(analysis.series, angles=angles)
    formats, _ = choose_formats(["mot", "csv"], None)
    bare = dataclasses.replace(analysis, series=series)
    written, left_out = export_analysis(bare, tmp_path, formats, "run")
    assert "seen too seldom" in left_out["mot"]
    assert {path.suffix for path in written} == {".csv"} == {p.suffix for p in tmp_path.iterdir()}


# --- C3D -----------------------------------------------------------------------------------------

READ_C3D = """
import json, c3d, numpy as np
with open("treadmill.c3d", "rb") as file:
    reader = c3d.Reader(file)
    frames = [points for _, points, _ in reader.read_frames()]
np.save("c3d.npy", np.array(frames)[..., :3])
def texts(name):
    return [text.strip() for text in reader.get(name).string_array]
many = [""] + [str(i) for i in range(2, 20) if reader.get(f"EVENT:TIMES{i}") is not None]
used = reader.get("EVENT:USED").int16_value
times = [reader.get(f"EVENT:TIMES{n}").float_array.reshape(-1, 2) for n in many if used]
print(json.dumps({
    "labels": [label.strip() for label in reader.point_labels],
    "units": texts("POINT:UNITS"),
    "screen": texts("POINT:X_SCREEN") + texts("POINT:Y_SCREEN"),
    "rate": float(reader.point_rate),
    "height_cm": reader.get("SUBJECTS:HEIGHT_CM").float_value,
    "first_frame": int(reader.first_frame),
    "last_frame": int(reader.last_frame),
    "residuals": np.array(frames)[..., 3].tolist() if len(frames) < 5000 else None,
    "events": [used] + [len(some) for some in times],
    "minutes": np.concatenate(times)[:, 0].tolist() if used else [],
    "seconds": np.concatenate(times)[:, 1].tolist() if used else [],
    "contexts": [text for n in many if used for text in texts(f"EVENT:CONTEXTS{n}")],
    "event_labels": [text for n in many if used for text in texts(f"EVENT:LABELS{n}")],
}, default=float))
"""


def read_c3d(folder):
    return elsewhere(READ_C3D, folder)


def test_another_reader_reads_the_markers_of_a_c3d(folder, body):
    read = read_c3d(folder)
    assert read["labels"] == list(KEYPOINTS)
    assert read["units"] == ["mm"]
    assert read["screen"] == ["+X", "+Y"]
    assert read["rate"] == 30
    assert read["height_cm"] == HEIGHT_CM
    assert (read["first_frame"], read["last_frame"]) == (1, FRAMES)
    place = np.load(folder / "c3d.npy")
    assert_near_truth(place, body)
    np.testing.assert_allclose(place, read_trc(folder)[1], atol=0.002)
    assert set(np.ravel(read["residuals"])) == {0}


def test_a_c3d_tells_when_the_near_foot_came_and_went(folder, analysis):
    read = read_c3d(folder)
    at = 60 * np.array(read["minutes"]) + np.array(read["seconds"])
    labels = np.array(read["event_labels"])
    strides = analysis.series.strides
    assert read["events"] == [len(at), len(at)]
    assert set(read["contexts"]) == {"Right"}
    assert np.all(np.diff(at) > 0)
    assert at[labels == "Foot Strike"] == pytest.approx(strides.contact_s, abs=1e-4)
    assert at[labels == "Foot Off"] == pytest.approx(strides.toe_off_s, abs=1e-4)
    assert len(at) == 2 * len(strides)


@pytest.mark.skipif(sys.platform != "linux", reason="no such limit everywhere")
def test_a_disk_that_fills_up_leaves_no_half_c3d(tmp_path, analysis):
    import resource

    (whole,) = export(analysis, tmp_path / "whole", "c3d")
    size = whole.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (0, 600, size // 2, size - 600, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            with pytest.raises(DiskFullError, match="no room"):
                export(analysis, tmp_path / "half", "c3d")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert list_files(tmp_path / "half") == set()
    export(analysis, tmp_path / "half", "c3d")


def test_a_long_run_is_whole_in_a_c3d(tmp_path, analysis, monkeypatch):
    """40 minutes: more frames than 16 bits count, more events than 8 bits."""
    frames = 72_000
    monkeypatch.setattr("formcheck.export.c3d.KEYPOINTS", KEYPOINTS[:3])
    parts = -(-frames // FRAMES)
    old = analysis.series.keypoints
    keypoints = Keypoints(
        np.arange(frames) / 30,
        np.tile(old.position, (parts, 1, 1))[:frames],
        np.tile(old.confidence, (parts, 1))[:frames],
    )
    strides = analysis.series.strides
    contact_s = 0.5 + 0.727 * np.arange(2100)
    many = {
        name: np.resize(values, 2100) for name, values in vars(strides).items() if name != "foot"
    }
    many |= {"contact_s": contact_s, "toe_off_s": contact_s + 0.25}
    series = dataclasses.replace(
        analysis.series, keypoints=keypoints, strides=dataclasses.replace(strides, **many)
    )
    whole = formcheck.export.markers.make_markers

    def few(analysis):
        markers = whole(analysis)
        return dataclasses.replace(markers, position_mm=markers.position_mm[:, :3])

    monkeypatch.setattr("formcheck.export.c3d.make_markers", few)
    export(dataclasses.replace(analysis, series=series), tmp_path, "c3d")
    read = read_c3d(tmp_path)
    assert (read["first_frame"], read["last_frame"]) == (1, frames)
    place = np.load(tmp_path / "c3d.npy")
    assert len(place) == frames
    assert place[-1] == pytest.approx(place[FRAMES - 1], abs=0.01)
    assert read["events"] == [4000, *[255] * 15, 175]
    at = 60 * np.array(read["minutes"]) + np.array(read["seconds"])
    assert at[::2] == pytest.approx(contact_s[:2000], abs=1e-3)
    assert at.max() > 1400


# --- netCDF --------------------------------------------------------------------------------------

READ_NETCDF = (
    example("netCDF")
    + """
import json
import numpy as np
from movement.filtering import filter_by_confidence
from movement.kinematics import compute_path_length, compute_velocity
ankle = dict(keypoints="right_ankle", individuals="runner")
velocity = compute_velocity(poses.position).sel(**ankle)
path = compute_path_length(poses.position.sel(keypoints=["right_ankle"]), nan_policy="ffill")
sure = filter_by_confidence(poses.position, poses.confidence, threshold=0.9)
np.save("position.npy", poses.position.sel(individuals="runner").values)
np.save("velocity.npy", velocity.values)
print(json.dumps({
    "dims": poses.position.dims,
    "confidence_dims": poses.confidence.dims,
    "space": poses.space.values.tolist(),
    "keypoints": poses.keypoints.values.tolist(),
    "individuals": poses.individuals.values.tolist(),
    "time": poses.time.values.tolist(),
    "attrs": {k: getattr(v, "item", lambda: v)() for k, v in poses.attrs.items()},
    "units": poses.position.units,
    "path": path.item(),
    "sure": [bool(sure.sel(keypoints=k).notnull().any()) for k in ("left_ankle", "right_ankle")],
}))
"""
)


def test_movement_reads_the_poses_of_a_netcdf(folder, analysis):
    read = elsewhere(READ_NETCDF, folder)
    assert read["dims"] == ["time", "space", "keypoints", "individuals"]
    assert read["confidence_dims"] == ["time", "keypoints", "individuals"]
    assert read["space"] == ["x", "y"]
    assert read["keypoints"] == list(KEYPOINTS)
    assert read["individuals"] == ["runner"]
    attrs = read["attrs"]
    assert (attrs["ds_type"], attrs["time_unit"], attrs["fps"]) == ("poses", "seconds", 30)
    assert (attrs["source_software"], attrs["source_file"]) == ("formcheck", "run.mp4")
    assert (attrs["view"], attrs["direction"]) == ("side", 1)
    assert json.loads(attrs["operations"])[0]["name"] == "sample_video"
    assert read["units"] == "pixels"
    keypoints = analysis.series.keypoints
    assert read["time"] == keypoints.time_s.tolist()
    position = np.load(folder / "position.npy")
    np.testing.assert_array_equal(np.moveaxis(position, 1, 2), keypoints.position)
    # movement's velocity is the central difference, its path the sum of the steps
    ankle = keypoints.point("right_ankle")
    velocity = np.load(folder / "velocity.npy")
    by_hand = (ankle[2:] - ankle[:-2]) * 15
    np.testing.assert_allclose(velocity[1:-1], by_hand, rtol=1e-9)
    steps = np.linalg.norm(np.diff(ankle, axis=0), axis=1)
    assert read["path"] == pytest.approx(steps.sum())
    assert read["sure"] == [False, True]  # the far leg is less sure


def test_a_netcdf_keeps_uneven_times_and_slow_motion_is_real(tmp_path):
    time_s = np.arange(4800) / 240 + np.where(np.arange(4800) % 2, 0.0005, 0)
    body = make_runner(time_s=time_s, hip_px=HIP_PX)
    slow = analyse(tmp_path, body, options=Options(slow_motion=8), slow_motion=8.0)
    export(slow, tmp_path, "netcdf")
    read = elsewhere(READ_NETCDF, tmp_path)
    assert read["time"] == pytest.approx(time_s)
    assert read["attrs"]["fps"] == pytest.approx(240, abs=0.1)


# --- CSV -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["frames", "strides"])
def test_the_csv_holds_the_parquet_to_the_last_digit(folder, name):
    table = pq.read_table(folder / f"{name}.parquet")
    with (folder / f"treadmill_{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == table.column_names
    for column, texts in zip(table.columns, list(zip(*rows[1:], strict=True)), strict=True):
        values = column.to_pylist()
        assert [text == "" for text in texts] == [value is None for value in values]
        shown = {True: "true", False: "false"}
        same = [
            text == shown[value] if isinstance(value, bool) else float(text) == value
            for text, value in zip(texts, values, strict=True)
            if value is not None
        ]
        assert all(same)


def test_the_csv_of_metrics_tells_what_the_report_tells(folder):
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    with (folder / "treadmill_metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(report["metrics"])
    lean, told = rows["trunk_lean_deg"], report["metrics"]["trunk_lean_deg"]
    assert (lean["label"], lean["unit"], lean["verdict"]) == (
        "Trunk lean",
        "°",
        told["change"]["verdict"],
    )
    for column, value in {
        "mean": told["mean"],
        "baseline": told["baseline"]["mean"],
        "late_from_s": told["late"]["from_s"],
        "late_strides": told["late"]["strides"],
        "change": told["change"]["value"],
        "change_low": told["change"]["ci95"][0],
        "change_high": told["change"]["ci95"][1],
        "trend_per_hour": told["trend_per_hour"]["value"],
        "trend_per_hour_high": told["trend_per_hour"]["ci95"][1],
    }.items():
        assert float(lean[column]) == pytest.approx(value, abs=1e-6), column
    assert lean["onset_s"] == ""
    assert rows["vertical_oscillation_cm"]["note"] == "needs --height-cm"


# --- docs ----------------------------------------------------------------------------------------


def test_the_examples_in_the_docs_work(folder):
    trc = elsewhere(example("TRC") + "import json; print(json.dumps(ankle[0][1]))", folder)
    assert trc == pytest.approx(read_trc(folder)[1][0, INDEX["right_ankle"], 1])
    c3d = elsewhere(example("C3D") + "import json; print(json.dumps(float(ankle[1])))", folder)
    assert c3d == pytest.approx(trc, abs=0.01)
    assert elsewhere(example("MOT") + "print(str(angles.isInDegrees()).lower())", folder) is True
    change = "import json; print(json.dumps(metrics['trunk_lean_deg']['verdict']))"
    assert elsewhere(example("CSV and Parquet") + change, folder) == "stable"


def test_the_python_example_in_the_docs_works(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "formcheck_out").mkdir()
    (tmp_path / "formcheck_out" / "treadmill").symlink_to(folder)
    exec(example("From Python"), {})
    assert (tmp_path / "exports" / "treadmill.trc").read_bytes() == (
        folder / "treadmill.trc"
    ).read_bytes()


def test_the_docs_name_every_format_and_angle():
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    for name in [
        *FORMATS,
        *formcheck.export.mot.MEANING,
        *formcheck.export.table.COLUMNS_OF_METRICS,
    ]:
        if not re.search(r"_(low|high|from_s|to_s|strides)$|^(metric|label|note)$", name):
            assert f"`{name}" in page, name


# --- the clock -----------------------------------------------------------------------------------


def test_times_in_milliseconds_give_the_usual_rate():
    for fps in (23.976, 25, 29.97, 59.94, 60):
        rate, tick = choose_clock(np.round(np.arange(3000) / fps, 3))
        assert rate == pytest.approx(fps, abs=0.011)
        assert (tick[0], len(tick)) == (0, pytest.approx(3000, abs=2))


def test_lost_frames_and_windows_dont_slow_the_clock():
    time_s = np.delete(np.arange(6000) / 30, [*range(1000, 5000), *range(10, 900, 9)])
    assert choose_clock(time_s)[0] == 30


def test_bursts_of_frames_give_no_endless_clock():
    time_s = np.sort(np.concatenate([np.arange(300) / 30, np.arange(600) / 1e6]))
    assert len(choose_clock(np.unique(time_s))[1]) <= 10 * len(time_s) + 1


def test_between_frames_a_course_is_a_spline_and_nothing_is_made_up():
    time_s = np.arange(90) / 30
    course = np.sin(2 * np.pi * 3 * time_s)
    course[40:50] = np.nan
    clock = time_s[:-1] + 1 / 60
    even = bring_onto_clock(time_s, course[:, None], clock)[:, 0]
    assert np.isnan(even).tolist() == [39 <= i < 50 for i in range(89)]
    known = np.isfinite(even)
    known[:5] = False
    assert even[known] == pytest.approx(np.sin(2 * np.pi * 3 * clock[known]), abs=0.03)
    on_frames = bring_onto_clock(time_s, course[:, None], time_s)[:, 0]
    np.testing.assert_array_equal(on_frames, course)


# --- the command ---------------------------------------------------------------------------------


def command(*arguments):
    """Exit status of `formcheck` with these arguments."""
    try:
        ended = app([str(argument) for argument in arguments], standalone_mode=False)
    except typer.Exit as ended:
        return ended.exit_code
    return ended or 0


def copy_result(folder, to):
    to.mkdir(parents=True)
    for name in ("report.json", "frames.parquet", "strides.parquet"):
        (to / name).write_bytes((folder / name).read_bytes())
    return to


def list_files(folder):
    return {path.name for path in folder.iterdir()}


RESULT = {"report.json", "frames.parquet", "strides.parquet"}
CSVS = {"run_frames.csv", "run_strides.csv", "run_metrics.csv"}


def test_the_command_knows_every_format():
    assert [*ExportFormat] == [*FORMATS, "all"]


def test_files_go_into_the_results_own_folder(folder, tmp_path, capfd):
    run = copy_result(folder, tmp_path / "run")
    assert command("export", run, "--height-cm", "178", "--format", "trc,mot,c3d,csv,netcdf") == 0
    exports = {"run.trc", "run.mot", "run.c3d", "run.nc"} | CSVS
    assert list_files(run) == RESULT | exports
    out, err = capfd.readouterr()
    assert {Path(line).name for line in out.splitlines()} == exports
    assert err == ""
    # read back from its files, a result gives the same as fresh from the analysis
    for end in (".trc", ".mot", ".c3d", "_metrics.csv"):
        fresh, again = folder / f"treadmill{end}", run / f"run{end}"
        if end in (".trc", ".mot"):
            skip = 1  # their own name
            assert fresh.read_text().splitlines()[skip:] == again.read_text().splitlines()[skip:]
        else:
            assert fresh.stat().st_size == pytest.approx(again.stat().st_size, rel=0.01)


def test_all_leaves_out_what_needs_a_height_and_says_so(folder, tmp_path, capfd):
    run = copy_result(folder, tmp_path / "run")
    assert command("export", run) == 0
    assert list_files(run) == RESULT | {"run.mot", "run.nc"} | CSVS
    lines = capfd.readouterr().err.splitlines()
    assert [line.split()[:3] for line in lines] == [["Left", "out:", n] for n in ("trc", "c3d")]
    assert all("--height-cm" in line for line in lines)


def test_the_height_told_at_the_analysis_is_known_later(tmp_path, body):
    tall = analyse(tmp_path, body, options=Options(height_cm=190))
    write_report(tall, tmp_path / "run")
    assert command("export", tmp_path / "run", "--format", "trc") == 0
    bounce = np.median(tall.series.values["vertical_oscillation_cm"])
    (tmp_path / "run" / "run.trc").rename(tmp_path / "treadmill.trc")
    hips = read_trc(tmp_path)[1][:, [INDEX["left_hip"], INDEX["right_hip"]], 1].mean(axis=1)
    strides = tall.series.strides
    first, last = (np.round(s * 30).astype(int) for s in (strides.start_s, strides.end_s))
    by_hand = [np.ptp(hips[a:b]) / 10 for a, b in zip(first, last, strict=True)]
    assert np.median(by_hand) == pytest.approx(bounce, abs=0.02)


def test_several_results_go_into_one_folder_by_their_names(folder, tmp_path):
    runs = [copy_result(folder, tmp_path / name) for name in ("monday", "friday")]
    assert command("export", *runs, "--format", "mot", "--out", tmp_path / "o") == 0
    assert list_files(tmp_path / "o") == {"monday.mot", "friday.mot"}
    assert list_files(runs[0]) == RESULT


def test_results_of_one_name_would_overwrite_each_other(folder, tmp_path, capfd):
    runs = [copy_result(folder, tmp_path / name / "run") for name in "ab"]
    assert command("export", *runs, "--format", "mot", "--out", tmp_path / "o") == 1
    assert "called 'run'" in capfd.readouterr().err
    assert command("export", *runs, "--format", "mot") == 0


def test_one_bad_result_doesnt_stop_the_others(folder, tmp_path, capfd):
    good = copy_result(folder, tmp_path / "good")
    bad = tmp_path / "bad"
    bad.mkdir()
    assert command("export", bad, good, "--format", "mot") == 1
    assert (good / "good.mot").is_file()
    out, err = capfd.readouterr()
    assert out.splitlines() == [str(good / "good.mot")]
    assert err.count("\n") == 1
    assert re.match(r"formcheck: .*bad' holds no result.*formcheck analyze VIDEO", err)


def test_a_file_is_no_result(tmp_path, capfd):
    (tmp_path / "run.mp4").write_bytes(b"a video")
    assert command("export", tmp_path / "run.mp4") == 1
    assert re.fullmatch(r"formcheck: .*run\.mp4' can't be read .*\n", capfd.readouterr().err)


@pytest.mark.parametrize("name", ["trc", "c3d"])
def test_without_a_height_there_are_no_millimetres(folder, tmp_path, capfd, name):
    run = copy_result(folder, tmp_path / "run")
    assert command("export", run, "--format", name) == 1
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "--height-cm" in err
    assert list_files(run) == RESULT


def test_a_missing_package_is_named(folder, tmp_path, capfd, monkeypatch):
    run = copy_result(folder, tmp_path / "run")
    monkeypatch.setattr("formcheck.export.find_spec", lambda name: None)
    assert command("export", run, "--format", "c3d", "--height-cm", "178") == 1
    assert "pip install 'formcheck[export]'" in capfd.readouterr().err
    assert command("export", run, "--height-cm", "178") == 0
    assert (run / "run.trc").is_file()
    assert "Left out: c3d" in capfd.readouterr().err


def test_a_place_that_cant_be_written_is_told(folder, tmp_path, capfd):
    run = copy_result(folder, tmp_path / "run")
    (tmp_path / "file").write_text("")
    assert command("export", run, "--format", "mot", "--out", tmp_path / "file") == 1
    assert "is a file, not a folder" in capfd.readouterr().err
    (run / "run.c3d").mkdir()
    assert command("export", run, "--format", "c3d", "--height-cm", "178") == 1
    assert "can't be written" in capfd.readouterr().err
    assert list_files(run) == RESULT | {"run.c3d"}


def test_a_format_that_isnt_known_is_wrong_usage(folder):
    with pytest.raises(typer.BadParameter, match="'xls' is none of trc, mot"):
        command("export", folder, "--format", "xls")


def test_analyze_exports_after_the_report(tmp_path, analysis, capfd, monkeypatch):
    monkeypatch.setattr(formcheck.pipeline, "analyze", lambda *_, **__: analysis)
    out = tmp_path / "run"
    told = ["--out", out, "--quiet", "--json"]
    assert command("analyze", tmp_path / "run.mp4", *told, "--export", "mot,netcdf") == 0
    assert {"report.json", "run.mot", "run.nc"} < list_files(out)
    printed, said = capfd.readouterr()
    assert json.loads(printed)["schema"] == "formcheck.report/1"
    assert said.splitlines() == [f"Export: {out / 'run.mot'}", f"Export: {out / 'run.nc'}"]


def test_analyze_refuses_what_it_couldnt_export_before_the_work(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(formcheck.pipeline, "analyze", lambda *_, **__: pytest.fail("analysed"))
    assert command("analyze", tmp_path / "run.mp4", "--out", tmp_path, "--export", "trc") == 1
    assert "--height-cm" in capfd.readouterr().err
