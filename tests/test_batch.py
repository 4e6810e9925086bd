"""A folder of clips: all done, or a clear word for each that could not be; nothing lost."""

import csv
import dataclasses
import json
import os
import pty
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from html.parser import HTMLParser
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from formcheck.batch import Limits, analyze_batch
from formcheck.batch.clips import Clip, find_clips
from formcheck.batch.cluster import connect
from formcheck.batch.done import WORKSHOP, Extras, describe_making, hold, is_done, require_own, seal
from formcheck.batch.row import Row
from formcheck.batch.summary import render_summary, write_summary
from formcheck.batch.terminal import list_notes
from formcheck.batch.work import Task, do_clip
from formcheck.bench.clip import SAMPLE_VIDEO, take_clip
from formcheck.errors import BatchError, DiskFullError, ExportError, OutputError, VideoError
from formcheck.export import FORMATS
from formcheck.options import Options
from formcheck.pipeline import analyze
from formcheck.video.reader import probe_video
from formcheck.video.spans import cut_into_spans
from tests import batch_faults as faults
from tests.test_cli import FILES, FORMCHECK, assert_one_line, formcheck, list_files, start, wait_for
from tests.test_privacy import ELSEWHERE, find_ways_out, needs_strace, set_proxies, watch
from tests.test_reader import an_ordinary_user

REPOSITORY = Path(__file__).resolve().parent.parent
PATIENCE_S = 300
ODD_NAME = b'=odd "name"<b>&\n\xff.mp4'
# More of them, such as 20, for a thorough look; every other one kills a process that analyses.
KILL_ROUNDS = int(os.environ.get("FORMCHECK_KILL_ROUNDS", "2"))

WISHES = ("--model", "lite", "--export", "trc,mot,c3d,csv,netcdf", "--height-cm", "178")
EXPORTS = (".trc", ".mot", ".c3d", ".nc", "_frames.csv", "_strides.csv", "_metrics.csv")

pytestmark = pytest.mark.xdist_group("batch")  # they share what was made undisturbed


def read_tree(folder):
    """Return the bytes of every file, by its path; without the lock."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def batch(*arguments, cwd, **settings):
    return formcheck("batch", *arguments, *WISHES, cwd=cwd, **settings)


# --- a folder as people have it ------------------------------------------------------------------


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("short")
    return take_clip(probe_video(SAMPLE_VIDEO), 4.0, folder).info.path


@pytest.fixture(scope="module")
def clips(tmp_path_factory, short_clip):
    """Three that can be analysed, one of them with an odd name; one that can't."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "monday").mkdir()
    for place in (folder / "run.mp4", folder / "monday" / "run.mp4"):
        shutil.copy(short_clip, place)
    shutil.copy(short_clip, os.fsencode(folder) + b"/" + ODD_NAME)
    (folder / "diary.mov").write_text("This is my training diary.\n")
    return folder


@pytest.fixture(scope="module")
def undisturbed(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    result = batch(clips, "--recursive", "--out", folder / "o", cwd=folder)
    return result, folder / "o"


def test_a_batch_ends_with_3_and_the_count_where_some_could_not_be(undisturbed):
    result, out = undisturbed
    assert result.returncode == 3
    assert "3 of 4 clips analysed" in result.stdout
    assert "1 could not be" in result.stdout
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("diary.mov: 'diary.mov' is not a video")
    assert list_files(out) == {
        WORKSHOP,
        "monday",
        "run.mp4",
        os.fsdecode(ODD_NAME),
        "summary.csv",
        "summary.html",
        "summary.parquet",
    }
    for place in (out / "run.mp4", out / "monday" / "run.mp4", out / os.fsdecode(ODD_NAME)):
        exports = {f"{place.name}{end}" for end in EXPORTS}
        assert list_files(place) == FILES | {"batch.json"} | exports
    assert list_files(out / WORKSHOP) == {"lock"}


def test_each_result_is_that_of_analyze(undisturbed, clips, tmp_path):
    alone = formcheck("analyze", clips / "run.mp4", *WISHES, "--out", "run.mp4", cwd=tmp_path)
    assert alone.returncode == 0
    made = read_tree(undisturbed[1] / "run.mp4")
    del made[Path("batch.json")]
    assert read_tree(tmp_path / "run.mp4") == made


def test_the_summary_says_the_same_in_each_form(undisturbed):
    _, out = undisturbed
    rows = pq.read_table(out / "summary.parquet").to_pylist()
    report = json.loads((out / "run.mp4" / "report.json").read_text())
    assert [row["clip"] for row in rows] == sorted(row["clip"] for row in rows)
    by_name = {row["clip"]: row for row in rows}
    assert set(by_name) == {"run.mp4", "monday/run.mp4", "diary.mov", '=odd "name"<b>&\n\\xff.mp4'}
    assert by_name["run.mp4"]["cadence_spm"] == report["gait"]["cadence_spm"]
    assert by_name["run.mp4"]["verdict"] == report["verdict"]["label"]
    assert len(by_name["run.mp4"]["lean_course"]) == report["gait"]["strides"]
    assert by_name["diary.mov"]["status"] == "failed"
    with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["clip"].removeprefix("'") for line in lines] == [row["clip"] for row in rows]
    assert [line["verdict"] for line in lines] == [row["verdict"] or "" for row in rows]


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.texts, self.tags = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name in ("href", "src", "srcset")]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_leads_to_each_report_and_nowhere_else(undisturbed):
    from urllib.parse import unquote_to_bytes

    _, out = undisturbed
    text = (out / "summary.html").read_text()
    page = _Page(text)
    led = sorted(unquote_to_bytes(link) for link in page.links)
    assert led == sorted(
        place + b"/report.html" for place in (b"run.mp4", b"monday/run.mp4", ODD_NAME)
    )
    for link in led:
        assert (Path(os.fsdecode(os.fsencode(out) + b"/" + link))).is_file()
    assert '=odd "name"<b>&\n\\xff.mp4' in page.texts
    assert "b" not in page.tags
    assert not re.search(r"https?:|//|@import|url\(", re.sub(r"w3\.org", "", text))


def test_a_second_start_does_only_what_is_not_done(undisturbed, clips, tmp_path):
    first, out = undisturbed
    here = tmp_path / "o"
    shutil.copytree(out, here)
    before = read_tree(here)
    stamps = {path: path.stat().st_mtime_ns for path in here.rglob("report.json")}
    spoiled = here / "monday" / "run.mp4"
    (spoiled / "strides.parquet").write_bytes(b"cut off")
    again = batch(clips, "--recursive", "--out", here, cwd=tmp_path)
    assert again.returncode == 3
    assert "3 of 4 clips analysed, 2 of them before" in again.stdout
    assert again.stderr == first.stderr
    assert read_tree(here) == before
    redone = {path.parent for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp}
    assert redone == {spoiled}


def test_a_result_counts_if_it_is_whole_and_made_in_the_same_way(tmp_path):
    clip, content = Clip(tmp_path / "run.mp4", "run.mp4", 1), "0" * 64
    place = make_files(tmp_path / "result", "report.json", "report.html")
    making = describe_making(Options())
    assert not is_done(place, content, making)
    seal(place, clip, content, making)
    assert is_done(place, content, making)
    assert not is_done(place, "1" * 64, making)
    others = (
        describe_making(Options(), Extras(overlay=True)),
        describe_making(Options(), Extras(exports=("mot",))),
        describe_making(Options(lean_threshold=3.0)),
        describe_making(Options(model="lite")),
        making | {"formcheck": "0.0.1"},
        making | {"models": dict.fromkeys(making["models"], "2" * 64)},
    )
    assert not any(is_done(place, content, other) for other in others)
    (place / "report.html").write_text("cut off")
    assert not is_done(place, content, making)
    require_own(place, clip, "1" * 64)
    (place / ".DS_Store").touch()
    require_own(place, clip, content)
    (place / "my notes.txt").touch()
    with pytest.raises(OutputError, match=r"my notes\.txt"):
        require_own(place, clip, content)


# --- which clips, and where their results lie ----------------------------------------------------


def make_files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def names_of(found):
    return [clip.name for clip in found]


def test_videos_are_found_by_suffix_or_pattern_and_hidden_files_are_none(tmp_path):
    make_files(tmp_path, "a.mp4", "b.MOV", "c.txt", "._a.mp4", "d/e.mkv", ".trash/f.mp4", "g")
    out = tmp_path / "d" / "out"
    make_files(out, "a.mp4/overlay.mp4")
    assert names_of(find_clips([tmp_path], out)) == ["a.mp4", "b.MOV"]
    assert names_of(find_clips([tmp_path], out, recursive=True)) == ["a.mp4", "b.MOV", "d/e.mkv"]
    assert names_of(find_clips([tmp_path], out, pattern="[bg]*")) == ["b.MOV", "g"]
    assert names_of(find_clips([tmp_path / "c.txt"], out)) == ["c.txt"]


def test_clips_of_several_folders_never_share_a_place(tmp_path):
    make_files(tmp_path, "x/a.mp4", "y/a.mp4", "y/a.mov", "y/z/a.mp4", "q/a.mp4/b.mp4")
    folders = [tmp_path / name for name in ("x", "y", "y/z", "q", "x")]
    found = names_of(find_clips(folders, tmp_path / "o", recursive=True))
    assert found == ["q/a.mp4/b.mp4", "x/a.mp4", "y/a.mov", "y/a.mp4", "y/z/a.mp4"]
    assert names_of(find_clips(folders[::-1], tmp_path / "o", recursive=True)) == found


def test_a_link_keeps_its_name_and_a_loop_of_folders_has_an_end(tmp_path):
    make_files(tmp_path, "far/secret.mp4", "near/a.mp4")
    (tmp_path / "near" / "link.mp4").symlink_to(tmp_path / "far" / "secret.mp4")
    (tmp_path / "near" / "gone.mp4").symlink_to("/nowhere/b.mp4")
    (tmp_path / "near" / "loop").symlink_to(tmp_path / "near")
    found = find_clips([tmp_path / "near"], tmp_path / "o", recursive=True)
    assert names_of(found) == ["a.mp4", "gone.mp4", "link.mp4"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no POSIX permissions here")
def test_a_folder_that_cannot_be_looked_into_is_a_line_of_its_own():
    with an_ordinary_user(), tempfile.TemporaryDirectory() as name:
        folder = make_files(Path(name), "a.mp4", "locked/b.mp4")
        (folder / "locked").chmod(0)
        found = find_clips([folder], folder / "o", recursive=True)
        assert names_of(found) == ["a.mp4", "locked"]
        with pytest.raises(VideoError, match="can't be looked into"):
            do_clip(found[1], Task(folder / "o", Options()))
        with pytest.raises(BatchError, match="Permission denied"):
            find_clips([folder / "locked" / "b.mp4"], folder / "o")
        (folder / "locked").chmod(0o700)


@pytest.mark.parametrize(
    ("folders", "out", "words"),
    [
        (["none"], "o", "no folder"),
        (["x" * 256], "o", "too long); check the name"),
        (["empty"], "o", "no video"),
        (["full"], "full", "among"),
        (["full", "empty"], "full", "among"),
    ],
)
def test_a_batch_that_cannot_start_ends_with_1_and_one_line(tmp_path, folders, out, words):
    make_files(tmp_path, "full/a.mp4", "empty/a.txt")
    before = read_tree(tmp_path)
    result = batch(*folders, "--out", out, cwd=tmp_path)
    assert result.returncode == 1
    assert_one_line(result.stderr, words)
    assert read_tree(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["batch"],
        ["batch", "."],
        ["batch", ".", "--out", "o", "--jobs", "0"],
        ["batch", ".", "--out", "o", "--memory", "inf"],
        ["batch", ".", "--out", "o", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"],
    ],
)
def test_wrong_usage_ends_with_2(tmp_path, arguments):
    assert formcheck(*arguments, cwd=tmp_path).returncode == 2


def test_a_result_never_takes_the_place_of_something_else(tmp_path, short_clip):
    """Nor of another clip's result, nor does it leave its folder over a link."""
    folder, out, elsewhere = tmp_path / "clips", tmp_path / "o", tmp_path / "elsewhere"
    for path in (folder / "mine.mp4", folder / "led" / "away.mp4", folder / "other.mp4"):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(short_clip, path)
    (folder / "summary.csv").mkdir()
    shutil.copy(short_clip, folder / "summary.csv" / "b.mp4")
    make_files(out, "mine.mp4/thesis.txt")
    elsewhere.mkdir()
    (out / "led").symlink_to(elsewhere)
    (out / "other.mp4").mkdir()
    mark = {"clip": "/of/another/other.mp4", "content": "0" * 64, "made": {}, "files": {}}
    (out / "other.mp4" / "batch.json").write_text(json.dumps(mark))
    result = batch(folder, "--recursive", "--out", out, cwd=tmp_path)
    assert result.returncode == 3
    assert "0 of 4 clips" in result.stdout
    assert result.stderr.count("is there already") == 2
    assert "'summary.csv' is taken" in result.stderr
    assert "would lie outside" in result.stderr
    assert list_files(out / "mine.mp4") == {"thesis.txt"}
    assert list_files(out / "other.mp4") == {"batch.json"}
    assert list_files(elsewhere) == set()


def test_a_summary_that_no_batch_wrote_stays(tmp_path, short_clip):
    make_files(tmp_path, "o/summary.csv")
    before = read_tree(tmp_path)
    result = batch(short_clip, "--out", "o", cwd=tmp_path)
    assert result.returncode == 1
    assert_one_line(result.stderr, "holds 'summary.csv', which no batch wrote")
    assert read_tree(tmp_path) == before


def test_the_csv_has_no_formula_and_the_page_no_mark_up_from_a_name(tmp_path):
    names = ["=1+1", "+1", "-1", "@a", "\tb", "  =c", "<script>alert(1)</script>", "plain"]
    write_summary([Row(name, "failed", reason=f"-{name}") for name in names], tmp_path)
    with (tmp_path / "summary.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["clip"].startswith("'") for line in lines] == [True] * 6 + [False] * 2
    assert all(line["reason"].startswith("'-") for line in lines)
    page = _Page((tmp_path / "summary.html").read_text())
    assert "<script>alert(1)</script>" in page.texts
    assert (tmp_path / "summary.html").read_text().count("<script") == 1


def test_an_export_that_a_clip_does_not_allow_is_said_beside_it(tmp_path, short_clip, monkeypatch):
    """Also where an earlier batch has done it; the clip is analysed none the less."""

    def refuse(analysis, path):
        raise ExportError("the joints hid")

    mot = dataclasses.replace(FORMATS["mot"], files={".mot": refuse})
    monkeypatch.setitem(FORMATS, "mot", mot)
    clip = Clip(short_clip, "<b>\n.mp4", 1)
    task = Task(tmp_path, Options(model="lite"), Extras(exports=("mot", "csv")))
    row, again = do_clip(clip, task), do_clip(clip, task)
    assert again == dataclasses.replace(row, was_done=True)
    assert (row.status, row.left_out) == ("analysed", "the joints hid.")
    assert list_notes([row]) == ["<b>?.mp4: left out: the joints hid."]
    assert "Left out: the joints hid." in _Page(render_summary([row])).texts
    assert {n for n in list_files(tmp_path / clip.name) if n.startswith("<b>")} == {
        f"<b>\n.mp4_{table}.csv" for table in ("frames", "strides", "metrics")
    }


def test_what_no_clip_can_be_exported_to_is_said_at_once(tmp_path, short_clip):
    refused = formcheck("batch", short_clip, "--out", "o", "--export", "trc", cwd=tmp_path)
    assert refused.returncode == 1
    assert_one_line(refused.stderr, "trc is in millimetres", "--height-cm")
    assert list_files(tmp_path) == set()


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_that_nobody_reads_what_failed_any_more_stops_nothing(tmp_path, kind):
    """As with `2>&1 | head`, or a terminal that was closed."""
    make_files(tmp_path / "clips", "1.mp4", "2.mp4", "3.mp4")
    reader, stderr = os.pipe() if kind == "pipe" else pty.openpty()
    os.close(reader)
    process = start(
        *("batch", "clips", "--out", "o"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=stderr
    )
    os.close(stderr)
    assert b"3 could not be" in process.communicate(timeout=PATIENCE_S)[0]
    assert process.returncode == 3
    assert "summary.html" in list_files(tmp_path / "o")


# --- clips that take their process with them -----------------------------------------------------


@pytest.fixture
def faulty(monkeypatch, tmp_path):
    """Let clips suffer what their names say, and give what a batch of them says."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setattr("formcheck.batch.run.do_clip", faults.do_clip)

    def run(*names, **settings):
        folder = make_files(tmp_path / "clips", *(f"{name}.mp4" for name in names))
        rows = analyze_batch([folder], tmp_path / "o", jobs=2, **settings)
        return {row.clip.removesuffix(".mp4"): row.reason for row in rows}

    return run


def test_crashes_and_hangs_are_lines_of_the_summary_not_the_end(faulty, tmp_path):
    said = faulty(
        *("segfault", "exit_at_once", "be_killed", "hang", "raise_our_error", "a", "b", "c"),
        limits=Limits(timeout_s=4.0),
    )
    assert {name for name, reason in said.items() if reason is None} == {"a", "b", "c"}
    assert "SIGSEGV" in said["segfault"]
    assert "exit status 7" in said["exit_at_once"]
    assert "killed" in said["be_killed"]
    assert "longer than 4 s" in said["hang"]
    assert said["raise_our_error"] == "it is no video; name another"
    rows = pq.read_table(tmp_path / "o" / "summary.parquet").to_pylist()
    assert {row["clip"].removesuffix(".mp4"): row["reason"] for row in rows} == said


def test_more_jobs_than_clips_leave_no_core_idle(tmp_path, monkeypatch):
    def tell_cores(clip, task, batch, cores, tell):
        return Row(clip.name, "failed", reason=str(cores))

    monkeypatch.setattr("formcheck.batch.run.process", tell_cores)
    monkeypatch.setattr("formcheck.batch.run.count_cores", lambda: 8)
    make_files(tmp_path / "clips", "a.mp4", "b.mp4")
    rows = analyze_batch([tmp_path / "clips"], tmp_path / "o", jobs=8)
    assert [row.reason for row in rows] == ["4", "4"]


def test_exports_are_the_same_in_any_order(tmp_path, monkeypatch):
    """Else each clip would be done again."""
    asked = []

    def tell_extras(clip, task, batch, cores, tell):
        asked.append(task.extras)
        return Row(clip.name, "failed")

    monkeypatch.setattr("formcheck.batch.run.process", tell_extras)
    make_files(tmp_path / "clips", "a.mp4")
    for exports in (["csv", "mot"], ["mot", "csv", "mot"]):
        analyze_batch([tmp_path / "clips"], tmp_path / "o", exports=exports)
    assert asked[0] == asked[1] != Extras()


def test_a_full_disk_ends_the_batch(faulty, tmp_path):
    with pytest.raises(DiskFullError, match="no room"):
        faulty("disk_full", "hang")
    assert not (tmp_path / "o" / "summary.html").exists()
    assert not psutil.Process().children()


# --- interruptions -------------------------------------------------------------------------------


def assert_completes_to(undisturbed, clips, out, cwd):
    result = batch(clips, "--recursive", "--out", out, cwd=cwd)
    assert result.returncode == 3
    assert read_tree(out) == read_tree(undisturbed[1])


@pytest.mark.parametrize("seed", range(KILL_ROUNDS))
def test_killed_at_any_moment_a_second_start_completes_it(undisturbed, clips, tmp_path, seed):
    """The main process, or one that analyses; no process is left, no half result in place."""
    rng = random.Random(seed)
    out = tmp_path / "o"
    process = start(
        *("batch", clips, "--recursive", "--out", out, *WISHES, "--jobs", "2"),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    main = psutil.Process(process.pid)
    wait_for(lambda: len(main.children()) == 2, process)
    threading.Event().wait(rng.uniform(0, 8))  # any moment will do
    children = main.children()
    if seed % 2 == 1 and children:
        rng.choice(children).kill()
        process.wait(PATIENCE_S)
    else:
        process.kill()
        process.wait()
        assert not psutil.wait_procs(children, timeout=PATIENCE_S)[1]
    whole = read_tree(undisturbed[1])
    summaries = [Path(f"summary.{kind}") for kind in ("csv", "html", "parquet")]
    for path, content in read_tree(out).items():
        if path.parts[0] != WORKSHOP and path not in summaries:
            assert whole[path] == content
    assert_completes_to(undisturbed, clips, out, tmp_path)


def test_a_disk_that_fills_up_leaves_nothing_half_and_a_second_start_completes_it(
    undisturbed, clips, tmp_path
):
    whole = read_tree(undisturbed[1] / "run.mp4")
    most = max(map(len, whole.values())) // 2

    def limit_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    result = batch(clips / "run.mp4", "--out", "o", cwd=tmp_path, preexec_fn=limit_files)
    assert result.returncode == 1
    assert_one_line(result.stderr, "can't be written", "make room")
    assert list_files(tmp_path / "o") == {WORKSHOP}
    assert list_files(tmp_path / "o" / WORKSHOP) == {"lock"}
    assert batch(clips / "run.mp4", "--out", "o", cwd=tmp_path).returncode == 0
    assert read_tree(tmp_path / "o" / "run.mp4") == whole


def test_a_second_batch_into_the_same_folder_is_refused(clips, tmp_path):
    with hold(tmp_path / "o"):
        result = batch(clips, "--out", "o", cwd=tmp_path)
    assert result.returncode == 1
    assert_one_line(result.stderr, "another batch is writing to")
    assert list_files(tmp_path / "o") == {WORKSHOP}


def test_ctrl_c_ends_quickly_with_130_and_one_line(clips, tmp_path):
    process = start(
        *("batch", clips, "--recursive", "--out", "o", "--jobs", "2"),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    main = psutil.Process(process.pid)
    wait_for(lambda: len(main.children()) == 2, process)
    children = main.children()
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert complaint.decode().splitlines()[-1].startswith("formcheck: stopped")
    assert not psutil.wait_procs(children, timeout=PATIENCE_S)[1]


# --- many machines -------------------------------------------------------------------------------


class Cluster:
    """A real scheduler and worker processes, on this machine's loopback alone."""

    def __init__(self, folder, workers):
        self.file = folder / "scheduler.json"
        self.logs = folder
        here = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
        to = ("--scheduler-file", self.file)
        self.scheduler = self._run("scheduler", "--port", "0", *here, *to)
        wait_for(lambda: self.file.exists() and self.file.stat().st_size > 0, self.scheduler)
        alone = ("--nworkers", "1", "--nthreads", "1", "--no-nanny")
        self.workers = [self._run("worker", *here, *to, *alone) for _ in range(workers)]
        self.address = json.loads(self.file.read_text())["address"]

    def _run(self, what, *arguments):
        with (self.logs / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", what, *map(str, arguments)],
                stdout=log,
                stderr=log,
                cwd=self.logs,
                env=os.environ | {"FORMCHECK_CORES": "1"},
            )

    def end(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), workers=4)
    yield cluster
    cluster.end()


def test_four_workers_give_the_same_as_one_machine_and_one_may_die(
    undisturbed, clips, tmp_path, cluster
):
    out = tmp_path / "o"
    process = start(
        *("batch", clips, "--recursive", "--out", out, *WISHES),
        *("--scheduler", cluster.address),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    at_work = []

    def somebody_works():
        at_work[:] = [w for w in cluster.workers if psutil.Process(w.pid).children()]
        return at_work

    wait_for(somebody_works, process)
    at_work[0].kill()
    said, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3, complaint
    assert b"3 of 4 clips analysed" in said
    assert complaint.decode() == undisturbed[0].stderr
    assert read_tree(out) == read_tree(undisturbed[1])
    alive = [psutil.Process(w.pid) for w in cluster.workers if w.poll() is None]
    assert len(alive) >= 3
    assert not any(worker.children() for worker in alive)


def test_one_long_video_spread_over_workers_gives_the_same_bytes(tmp_path, cluster):
    video = take_clip(probe_video(SAMPLE_VIDEO), 9.0, tmp_path).info.path
    assert len(cut_into_spans(probe_video(video))) == 2
    for out, arguments in (("here", ()), ("spread", ("--scheduler", cluster.address))):
        result = formcheck(
            "analyze", video.name, "--model", "lite", "--out", out, *arguments, cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
    assert read_tree(tmp_path / "spread") == read_tree(tmp_path / "here")


@needs_strace
def test_a_batch_opens_no_connection_but_to_its_scheduler(tmp_path, short_clip, cluster):
    """Nor do its children; what a worker opens is Dask's, within the cluster."""
    scheduler = ("--scheduler", cluster.address)
    for out, arguments in (("here", ()), ("cluster", scheduler)):
        log = tmp_path / f"{out}.txt"
        command = [*FORMCHECK, "batch", str(short_clip), "--model", "lite", "--out", out]
        subprocess.run(
            [*watch(log), *command, *arguments],
            cwd=tmp_path,
            env=set_proxies(ELSEWHERE, "*"),
            check=True,
            timeout=PATIENCE_S,
            capture_output=True,
        )
        assert (tmp_path / out / short_clip.name / "report.json").exists()
    assert find_ways_out(tmp_path / "here.txt") == []
    assert find_ways_out(tmp_path / "cluster.txt", cluster.address.rpartition(":")[2]) == []
    assert find_ways_out(tmp_path / "cluster.txt") != []


@pytest.fixture
def lonely_cluster(tmp_path, monkeypatch):
    """One worker only, and little patience once that is gone."""
    monkeypatch.setattr("formcheck.batch.cluster.LONELY_S", 1.0)
    cluster = Cluster(tmp_path, workers=1)
    yield cluster
    cluster.end()


def test_without_any_worker_left_a_batch_has_an_end(tmp_path, clips, lonely_cluster):
    with pytest.raises(BatchError, match="workers are gone"):
        analyze_batch(
            *([clips], tmp_path / "o"),
            cluster=lonely_cluster.address,
            show=lambda standing: lonely_cluster.workers[0].kill(),
        )


def test_without_any_worker_left_one_video_has_an_end(tmp_path, lonely_cluster):
    video = take_clip(probe_video(SAMPLE_VIDEO), 9.0, tmp_path).info.path
    options = Options(model="lite")

    def analyze_there():
        with connect(lonely_cluster.address, options) as (_, workers):
            lonely_cluster.workers[0].kill()
            analyze(video, options, pool=workers)

    with pytest.raises(BatchError, match="workers are gone"):
        analyze_there()


def test_workers_that_cannot_export_are_refused_before_the_work(cluster):
    extras = Extras(exports=("hologram",))
    with pytest.raises(BatchError, match="hologram"), connect(cluster.address, Options(), extras):
        pass


def test_without_a_scheduler_or_with_a_dead_one_there_is_one_line(tmp_path, clips, monkeypatch):
    monkeypatch.setattr("formcheck.batch.cluster.PATIENCE_S", 1)
    with pytest.raises(BatchError, match="no scheduler answers at"):
        analyze_batch([clips], tmp_path / "o", cluster="tcp://127.0.0.1:9")
    with pytest.raises(BatchError, match="no scheduler answers at"):
        analyze_batch([clips], tmp_path / "o", cluster="nonsense://x")
    cluster = Cluster(tmp_path, workers=0)
    try:
        with pytest.raises(BatchError, match="has no workers"):
            analyze_batch([clips], tmp_path / "o", cluster=cluster.address)
    finally:
        cluster.end()
