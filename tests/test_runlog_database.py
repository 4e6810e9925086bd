"""The database of runs: versions, two processes at once, sudden death, places that can't be."""

import os
import pkgutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formcheck.cli.app import app
from formcheck.errors import LogError
from formcheck.runlog.database import find_database, open_database, transaction
from formcheck.runlog.migrations import MIGRATIONS
from formcheck.runlog.run import Details
from formcheck.runlog.store import Entry, open_log

PATIENCE_S = 600
VERSION_1 = Path(__file__).parent / "runlog_version_1.sql"
# Stores runs one after the other, and says so of each when it is done.
WRITE = """
import sys
from formcheck.runlog.run import Details
from formcheck.runlog.store import Entry, open_log

place, name, count = sys.argv[1:]
print("begins", flush=True)
from pathlib import Path
for i in range(int(count)):
    with open_log(Path(place)) as log:
        said = Details(distance_m=1000.0 + i, shoes=f"{name} {i % 3}", notes="x" * 2000)
        print(log.store(Entry(said)).run.uid, flush=True)
"""
NEXT_STEP = (
    "ALTER TABLE runs ADD COLUMN weather TEXT",
    "UPDATE runs SET weather = 'not known'",
)


def start_writer(place, name, count, **settings):
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, str(place), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        **settings,
    )


def list_uids(place):
    with open_log(place) as log:
        return {run.uid for run in log.runs()}


def check_integrity(place):
    with closing(sqlite3.connect(place)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


# --- where it lies, and for whom -----------------------------------------------------------------


def test_the_place_is_as_named_else_the_variables_else_the_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FORMCHECK_DB", str(tmp_path / "told.sqlite3"))
    assert find_database(tmp_path / "named") == tmp_path / "named"
    assert find_database() == tmp_path / "told.sqlite3"
    monkeypatch.delenv("FORMCHECK_DB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert find_database() == tmp_path / "data" / "formcheck" / "runs.sqlite3"


def test_nobody_else_can_read_it(tmp_path):
    place = tmp_path / "new" / "folder" / "runs.sqlite3"
    with open_log(place) as log:
        log.store(Entry(Details(distance_m=5000.0)))
        made = list(place.parent.iterdir())
        assert {path.name for path in made} >= {"runs.sqlite3", "runs.sqlite3-wal"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    for folder in (place.parent, place.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_writes_ahead_and_waits_for_the_disk(tmp_path):
    with open_database(tmp_path / "runs.sqlite3") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


# --- versions ------------------------------------------------------------------------------------


def read_schema(place):
    with closing(sqlite3.connect(place)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


@pytest.fixture
def version_1(tmp_path):
    place = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(place)) as connection:
        connection.executescript(VERSION_1.read_text())
    return place


def test_the_first_version_is_as_it_was_released(version_1, tmp_path):
    new = tmp_path / "new.sqlite3"
    with open_database(new, MIGRATIONS[:1]):
        pass
    assert read_schema(new) == read_schema(version_1)


def test_a_log_of_the_first_version_is_read_whole(version_1):
    with open_log(version_1) as log:
        runs, shoes = log.runs(), log.shoes()
    assert [run.id for run in runs] == [1, 3]
    assert [run.uid for run in runs] == ["aaa", "bbb"]
    filmed, watched = runs
    assert filmed.filmed.lean_change_deg == 3.5
    assert filmed.pains[0].place == "lower back"
    assert filmed.when.time.isoformat() == "2026-05-01T18:30:00+02:00"
    assert watched.activity.cadence_spm == 165.0
    assert watched.shoes == "blue ones"
    assert shoes[0].before_m == 120_000.0


def test_a_further_step_keeps_all_and_a_copy_of_what_was(version_1):
    with open_database(version_1, (*MIGRATIONS[:1], NEXT_STEP)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 2
        rows = connection.execute("SELECT uid, weather FROM runs").fetchall()
    assert [tuple(row) for row in rows] == [("aaa", "not known"), ("bbb", "not known")]
    kept = version_1.with_name("old.sqlite3.version-1.backup")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    check_integrity(kept)
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] == 2
    assert not list(version_1.parent.glob("*.partial"))


def test_a_step_that_fails_changes_nothing(version_1):
    before = read_schema(version_1)
    broken = (*NEXT_STEP, "UPDATE nowhere SET nothing = 1")
    with pytest.raises(LogError), open_database(version_1, (*MIGRATIONS[:1], broken)):
        pass
    assert read_schema(version_1) == before
    with open_database(version_1, MIGRATIONS[:1]) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] == 2


def test_a_newer_log_is_refused(version_1):
    with open_database(version_1, (*MIGRATIONS, NEXT_STEP)):
        pass
    with pytest.raises(LogError, match=r"newer formcheck.*update"), open_log(version_1):
        pass


# --- what is none --------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    place = tmp_path / "diary.txt"
    place.write_text("my training diary\n" * 100)
    with pytest.raises(LogError, match="no log of formcheck"), open_log(place):
        pass
    assert place.read_text() == "my training diary\n" * 100


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path):
    place = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("CREATE TABLE pages (address TEXT)")
    before = place.read_bytes()
    with pytest.raises(LogError, match="something else"), open_log(place):
        pass
    assert place.read_bytes() == before


def test_a_damaged_log_is_told(tmp_path):
    place = tmp_path / "runs.sqlite3"
    with open_log(place) as log:
        log.restore([])
    content = bytearray(place.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    place.write_bytes(content)
    with pytest.raises(LogError, match="damaged"), open_log(place) as log:
        log.runs()


@pytest.mark.parametrize("place", ["taken/runs.sqlite3", "folder"])
def test_a_place_that_cannot_be_is_told_in_one_line(tmp_path, place):
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(LogError, match="--db") as told, open_log(tmp_path / place):
        pass
    assert "\n" not in str(told.value)


@pytest.fixture
def as_nobody():
    """Root may write anywhere, so be somebody else for the while of a test."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no such users")
    was = os.geteuid()
    if was == 0:
        os.seteuid(65_534)
    yield
    if was == 0:
        os.seteuid(0)


def test_a_read_only_folder_is_told_in_one_line(tmp_path, request):
    place = tmp_path / "closed" / "runs.sqlite3"
    with open_log(place) as log:
        log.store(Entry(Details(distance_m=5000.0)))
    place.chmod(0o444)
    place.parent.chmod(0o555)
    for folder in tmp_path.parents[: len(tmp_path.parents) - 2]:  # below /tmp
        folder.chmod(0o755)
    tmp_path.chmod(0o755)
    request.getfixturevalue("as_nobody")
    with pytest.raises(LogError, match=r"can't be (written|used)") as told, open_log(place) as log:
        log.store(Entry(Details(distance_m=6000.0)))
    assert "\n" not in str(told.value)
    with pytest.raises(LogError, match="--db"), open_log(place.with_name("other.sqlite3")):
        pass


def fill_a_small_disk(place):
    with open_database(place) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")  # as SQLite sees a full disk
        with transaction(connection):
            connection.execute("UPDATE runs SET notes = ?", ("x" * 100_000,))


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(tmp_path):
    place = tmp_path / "runs.sqlite3"
    with open_log(place) as log:
        log.store(Entry(Details(notes="first")))
    with pytest.raises(LogError, match="no room") as told:
        fill_a_small_disk(place)
    assert "\n" not in str(told.value)
    check_integrity(place)
    with open_log(place) as log:
        assert [run.notes for run in log.runs()] == ["first"]


# --- two at once, and sudden death ---------------------------------------------------------------


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    place = tmp_path / "new" / "runs.sqlite3"  # made by the four of them, too
    writers = [start_writer(place, name, 15) for name in "abcd"]
    told = [writer.communicate(timeout=PATIENCE_S)[0].split()[1:] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert [len(uids) for uids in told] == [15] * 4
    assert list_uids(place) == {uid for uids in told for uid in uids}
    check_integrity(place)


def test_one_that_reads_sees_whole_runs_while_another_writes(tmp_path):
    place = tmp_path / "runs.sqlite3"
    with open_log(place):
        pass
    writer = start_writer(place, "a", 20)
    counts = []
    with open_log(place) as log:
        while writer.poll() is None:
            runs = log.runs()
            assert all(run.notes and run.shoes for run in runs)
            counts.append(len(runs))
    writer.communicate(timeout=PATIENCE_S)
    assert writer.returncode == 0
    assert counts == sorted(counts)


@pytest.mark.parametrize(
    ("command", "step"),
    [
        (("log", "import", "runs.csv"), "formcheck.runlog.table.read_csv"),
        (("shoes", "edit", "blue", "--retired"), "formcheck.runlog.store.RunLog.shoes"),
    ],
)
def test_nobody_writes_between_what_a_command_reads_and_what_it_writes(
    tmp_path, monkeypatch, command, step
):
    place = tmp_path / "runs.sqlite3"
    with open_log(place) as log:
        log.store(Entry(Details(shoes="blue")))
    monkeypatch.chdir(tmp_path)
    Path("runs.csv").write_text("date\n2026-01-01\n")
    read, others = pkgutil.resolve_name(step), []

    def read_while_another_writes(*given):
        found = read(*given)
        with closing(sqlite3.connect(place, timeout=0)) as other:
            try:
                other.execute("UPDATE runs SET notes = 'hot'")
                other.commit()
                others.append("written")
            except sqlite3.OperationalError:
                others.append("waits")
        return found

    monkeypatch.setattr(step, read_while_another_writes)
    done = CliRunner().invoke(app, [*command, "--db", str(place)])
    assert done.exit_code == 0, done.output
    assert others == ["waits"]


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 5, 8, 13])
def test_what_was_stored_before_a_kill_is_there(tmp_path, lines):
    place = tmp_path / "runs.sqlite3"
    writer = start_writer(place, "a", 10_000)
    told = [writer.stdout.readline().strip() for _ in range(lines + 1)][1:]
    writer.send_signal(signal.SIGKILL)
    told += writer.stdout.read().split()
    assert writer.wait(PATIENCE_S) == -signal.SIGKILL
    found = list_uids(place)
    check_integrity(place)
    assert found >= set(told)
    assert len(found) <= len(told) + 1  # the last may have been stored, and not yet told
    with open_log(place) as log:
        log.store(Entry(Details(notes="goes on")))
    assert len(list_uids(place)) == len(found) + 1


def test_a_kill_in_the_midst_of_a_transaction_leaves_none_of_it(tmp_path):
    place = tmp_path / "runs.sqlite3"
    with open_log(place) as log:
        log.store(Entry(Details(notes="kept")))
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from formcheck.runlog.database import open_database, transaction\n"
        "with open_database(Path(sys.argv[1])) as db, transaction(db):\n"
        "    db.execute(\"UPDATE runs SET notes = 'lost'\")\n"
        "    db.execute('DELETE FROM shoes')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(place)], check=False, timeout=PATIENCE_S
    )
    assert done.returncode == -signal.SIGKILL
    check_integrity(place)
    with open_log(place) as log:
        assert [run.notes for run in log.runs()] == ["kept"]
