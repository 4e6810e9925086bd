"""An analysis comes back from its files as it was, and what is no such file is refused."""

import dataclasses
import json

import numpy as np
import pytest

from formcheck.errors import ResultError
from formcheck.options import Options
from formcheck.pipeline import assess_run
from formcheck.report import write_report
from formcheck.report.reading import read_analysis
from tests.synthetic import describe_video, make_runner, observe_runner


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("result")
    body = make_runner(60.0, 30, person_px=280, hip_px=(180, 190), noise_px=1.0, lean_sd_deg=0.6)
    video = folder / "no_video.mp4"
    video.write_bytes(b"not needed")
    observation = observe_runner(body, slouch_deg=0.0, size_px=(360, 400))
    analysis = assess_run(describe_video(video, body, (360, 400)), observation, Options())
    write_report(analysis, folder)
    return analysis, folder


def test_the_report_is_the_same_again(written):
    analysis, folder = written
    assert read_analysis(folder).to_report() == analysis.to_report()


def test_the_arrays_are_the_same_again(written):
    analysis, folder = written
    again = read_analysis(folder).series
    for name, before, after in (
        ("keypoints", vars(analysis.series.keypoints), vars(again.keypoints)),
        ("angles", vars(analysis.series.angles), vars(again.angles)),
        ("strides", vars(analysis.series.strides), vars(again.strides)),
        ("values", analysis.series.values, again.values),
        ("swapped", analysis.series.swapped, again.swapped),
        ("rest", {"roll": analysis.series.camera_roll_deg}, {"roll": again.camera_roll_deg}),
    ):
        assert before.keys() == after.keys(), name
        for key in before:
            np.testing.assert_array_equal(after[key], before[key], err_msg=f"{name}.{key}")


def test_every_array_is_compared(written):
    analysis, _ = written
    assert {field.name for field in dataclasses.fields(analysis.series)} == {
        *("keypoints", "video_time_s", "angles", "strides", "values", "swapped"),
        "camera_roll_deg",
    }


@pytest.mark.parametrize("name", ["report.json", "frames.parquet", "strides.parquet"])
def test_a_folder_without_a_whole_result_says_what_is_missing(written, tmp_path, name):
    for file in written[1].iterdir():
        if file.name != name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ResultError, match=f"'{name}' is missing.*formcheck analyze"):
        read_analysis(tmp_path)


@pytest.mark.parametrize("name", ["report.json", "frames.parquet", "strides.parquet"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_damaged_result_is_told(written, tmp_path, name, share):
    for file in written[1].iterdir():
        content = file.read_bytes()
        whole = file.name != name
        (tmp_path / file.name).write_bytes(
            content if whole else content[: int(share * len(content))]
        )
    with pytest.raises(ResultError, match="damaged"):
        read_analysis(tmp_path)


def test_a_report_of_another_kind_is_told(written, tmp_path):
    for file in written[1].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    report = json.loads((tmp_path / "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps(report | {"schema": "formcheck.report/9"}))
    with pytest.raises(ResultError, match="another kind"):
        read_analysis(tmp_path)
