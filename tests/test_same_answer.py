"""The same video gives the same answer: again, on other cores, and cut into other spans."""

import dataclasses
import json

import numpy as np
import pytest

from formcheck import Options
from formcheck.bench.clip import SAMPLE_VIDEO, take_clip
from formcheck.pipeline import assess_run, create_engine, watch
from formcheck.report.files import to_json
from formcheck.video import spans
from formcheck.video.reader import probe_video
from formcheck.video.spans import Span, cut_into_spans

SECONDS = 17.0
OPTIONS = Options(model="lite", precision="full")


@pytest.fixture(scope="module")
def info(tmp_path_factory):
    """Some strides of the sample video."""
    return take_clip(probe_video(SAMPLE_VIDEO), SECONDS, tmp_path_factory.mktemp("part")).info


def analyse(info, monkeypatch, *, threads=None, cut=cut_into_spans):
    def create(options, people, mask_interval_s=0.0):
        engine = create_engine(options, people, mask_interval_s)
        engine.threads = threads or engine.threads
        return engine

    monkeypatch.setattr("formcheck.pipeline.create_engine", create)
    monkeypatch.setattr("formcheck.observe.cut_into_spans", cut)
    return assess_run(info, watch(info, OPTIONS), OPTIONS)


@pytest.fixture(scope="module")
def first(info):
    with pytest.MonkeyPatch.context() as patch:
        return analyse(info, patch)


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_to_the_last_byte_again_and_on_any_number_of_cores(info, first, threads, monkeypatch):
    assert len(cut_into_spans(info)) == 4
    again = analyse(info, monkeypatch, threads=threads)
    assert to_json(again) == to_json(first)
    assert np.array_equal(
        again.series.keypoints.position, first.series.keypoints.position, equal_nan=True
    )


@pytest.mark.parametrize("count", [1, 7])
def test_other_spans_move_lean_by_less_than_a_tenth_and_nothing_beyond_its_interval(
    info, first, count, monkeypatch
):
    def cut(info):
        monkeypatch.setattr(spans, "_choose_count", lambda length_s: count)
        return cut_into_spans(info) if count > 1 else [Span()]

    other = analyse(info, monkeypatch, cut=cut)
    assert other.verdict.label == first.verdict.label
    # A tracker that begins anew goes on with crops a little beside: its noise is another.
    for column, facts in first.metrics.items():
        if facts.mean is None or facts.uncertainty is None:
            continue
        apart = abs(other.metrics[column].mean - facts.mean)
        most = 0.1 if column in ("trunk_lean_deg", "neck_flexion_deg") else facts.uncertainty
        assert apart <= most, column
    assert other.gait.cadence_spm == pytest.approx(first.gait.cadence_spm, abs=0.1)


def test_the_reports_differ_where_the_videos_do(info, first):
    elsewhere = dataclasses.replace(first.video, path="elsewhere.mp4")
    moved = json.loads(to_json(dataclasses.replace(first, video=elsewhere)))
    here = json.loads(to_json(first))
    assert moved != here
    moved["video"]["path"] = here["video"]["path"]
    assert moved == here
