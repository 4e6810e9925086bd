"""What is done with the log: store, change, find, remove."""

import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from formcheck.errors import LogError
from formcheck.runlog.database import find_database, open_database, snapshot, transaction
from formcheck.runlog.run import Activity, Details, Filmed, Pain, Run, When

# Of the shorter of two recordings, so much is within the other if they are of one run.
LEAST_SHARED = 0.5
_Row = TypeVar("_Row", Filmed, Activity)


@dataclass(frozen=True)
class Entry:
    """What is to be stored of a run; `when` as the video has it, if there is one."""

    details: Details = field(default_factory=Details)
    filmed: Filmed | None = None
    activity: Activity | None = None
    when: When | None = None


@dataclass(frozen=True)
class Stored:
    """A run as it is now in the log, and as it was before, if it was there.

    `note` says with which run it was joined by time, or why with none.
    """

    run: Run
    before: Run | None
    note: str = ""


@dataclass(frozen=True)
class Shoes:
    """A pair: since when and with how many metres it came into the log, and whether it is worn."""

    name: str
    since: date | None = None
    before_m: float = 0.0
    retired: bool = False


@contextmanager
def open_log(named: Path | None = None) -> Iterator["RunLog"]:
    """Open the log at its usual place, or at another.

    Raises
    ------
    LogError
    """
    with open_database(find_database(named)) as connection:
        yield RunLog(connection)


class RunLog:
    """The runs in an open database; each method that writes does all of it or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    # --- reading ---------------------------------------------------------------------------------

    def runs(self) -> list[Run]:
        """Return all runs, by time."""
        with snapshot(self._db):
            return self._read_runs()

    def run(self, number: int) -> Run:
        """Return one run.

        Raises
        ------
        LogError
        """
        with snapshot(self._db):
            found = self._read_runs(number)
        if not found:
            raise LogError(f"there is no run {number} in the log; formcheck log shows all")
        return found[0]

    def shoes(self) -> list[Shoes]:
        """Return all pairs, by name."""
        return [
            Shoes(
                row["name"],
                None if row["since_date"] is None else date.fromisoformat(row["since_date"]),
                row["before_m"],
                bool(row["retired"]),
            )
            for row in self._db.execute("SELECT * FROM shoes ORDER BY name")
        ]

    def _read_runs(self, number: int | None = None) -> list[Run]:
        pains = defaultdict(list)
        for row in self._read("pains", "run_id", number, "ORDER BY rowid"):
            pains[row["run_id"]].append(Pain(row["place"], row["level"]))
        filmed = {r["run_id"]: _from_row(r, Filmed) for r in self._read("videos", "run_id", number)}
        activities = {
            r["run_id"]: _from_row(r, Activity) for r in self._read("activities", "run_id", number)
        }
        shoes = {row["id"]: row["name"] for row in self._read("shoes", "id")}
        return [
            Run(
                id=row["id"],
                uid=row["uid"],
                when=When(_read_time(row), row["date_source"]),
                shoes=shoes.get(row["shoes_id"]),
                pains=tuple(pains[row["id"]]),
                filmed=filmed.get(row["id"]),
                activity=activities.get(row["id"]),
                **{name: row[name] for name in _TOLD},
            )
            for row in self._read("runs", "id", number, "ORDER BY started_utc_s, id")
        ]

    def _read(
        self, table: str, key: str, number: int | None = None, order: str = ""
    ) -> list[sqlite3.Row]:
        """Return the rows of one run, or of all."""
        which, values = ("", ()) if number is None else (f"WHERE {key} = ?", (number,))
        return self._db.execute(f"SELECT * FROM {table} {which} {order}", values).fetchall()

    def at_once(self) -> AbstractContextManager[None]:
        """Let nobody else write between what is read and what is written within."""
        return transaction(self._db)

    # --- writing ---------------------------------------------------------------------------------

    def store(self, entry: Entry, number: int | None = None) -> Stored:
        """Store a run, or add to the one it belongs to.

        Parameters
        ----------
        entry : Entry
        number : int, optional
            Of the run it belongs to. Else that is the run of the same video or watch's file, or
            the one run at the same time, if just one of the two has a watch's file.

        Raises
        ------
        LogError
            Video and watch's file belong to different runs, or the run has others.
        """
        with transaction(self._db):
            now = datetime.now().astimezone().replace(microsecond=0)
            new = _fill(Run(0, uuid.uuid4().hex, When(now, "stored")), entry)
            before, note = self._find(new, number)
            run = new if before is None else _fill(before, entry)
            return Stored(self._write(run), before, note)

    def require_room(self, entry: Entry, video: Path) -> None:
        """Tell before a video is analysed whether the run of its watch's file has another.

        Raises
        ------
        LogError
        """
        from formcheck.video.reader import hash_file

        for run in self.runs():
            is_same = (
                run.activity and entry.activity and run.activity.sha256 == entry.activity.sha256
            )
            if is_same and run.filmed is not None:
                with suppress(OSError):  # that it can't be read is told where it is
                    _require_room(run, video=hash_file(video))

    def restore(self, runs: Sequence[Run]) -> int:
        """Put runs in as they are, in place of those of the same uid; return how many are new.

        Raises
        ------
        LogError
            They contradict each other or the log; none is put in.
        """
        with transaction(self._db):
            known = {run.uid: run.id for run in self.runs()}
            try:
                for run in runs:
                    self._write(replace(run, id=known.get(run.uid, 0)))
            except sqlite3.IntegrityError as error:
                raise LogError(
                    "two runs would have the same video, watch's file or uid, or a number is out "
                    "of bounds; nothing was imported"
                ) from error
            return sum(run.uid not in known for run in runs)

    def remove(self, numbers: Sequence[int]) -> list[Run]:
        """Remove runs, and return what they were.

        Raises
        ------
        LogError
            One of them is not there; none is removed.
        """
        with transaction(self._db):
            gone = [self.run(number) for number in dict.fromkeys(numbers)]
            self._db.executemany("DELETE FROM runs WHERE id = ?", [(run.id,) for run in gone])
            self._forget_unworn()
        return gone

    def set_shoes(self, name: str, shoes: Shoes) -> None:
        """Change what is known of a pair.

        Raises
        ------
        LogError
            There is one of the new name already.
        """
        since = None if shoes.since is None else shoes.since.isoformat()
        with transaction(self._db):
            try:
                self._db.execute(
                    "UPDATE shoes SET name = ?, since_date = ?, before_m = ?, retired = ? "
                    "WHERE name = ?",
                    (shoes.name, since, shoes.before_m, shoes.retired, name),
                )
            except sqlite3.IntegrityError as error:
                raise LogError(f"there are shoes named '{shoes.name}' already") from error

    def _find(self, new: Run, number: int | None) -> tuple[Run | None, str]:
        """Return the run that is the new one's, and what is to be said of that."""
        runs = self.runs()
        same = {run.id: run for run in runs if _is_same(run, new)}
        if number is not None:
            same[number] = self.run(number)
        if len(same) > 1:
            raise LogError(
                f"this would join the runs {_list(same)}, which are two in the log; if they are "
                "one, remove the other first: formcheck log remove NUMBER"
            )
        if same:
            return next(iter(same.values())), ""
        fitting = [run for run in runs if _complete_each_other(run, new)]
        at_once = [run for run in fitting if _were_at_once(run, new)]
        if len(at_once) == 1:
            return at_once[0], f"It is joined with run {at_once[0].id}, of the same time."
        if not fitting or not (new.filmed or new.activity):
            return None, ""
        listed = _list(run.id for run in at_once)
        found = f"The runs {listed} were" if at_once else "No other run is known to have been"
        return None, (
            f"{found} at the same time, so it is a run of its own. If two are one: remove that of "
            "the watch's file, and formcheck log import FILE --to NUMBER."
        )

    def _write(self, run: Run) -> Run:
        """Write a whole run; one without a number is new."""
        values = {
            "uid": run.uid,
            **_time_columns(run.when.time),
            "date_source": run.when.source,
            **{name: getattr(run, name) for name in _TOLD},
            "shoes_id": self._number_shoes(run.shoes),
        }
        if run.id:
            self._update("runs", values, run.id)
        else:
            run = replace(run, id=self._insert("runs", values))
        for table, part in (("videos", run.filmed), ("activities", run.activity)):
            self._db.execute(f"DELETE FROM {table} WHERE run_id = ?", (run.id,))
            if part is not None:
                self._insert(table, {"run_id": run.id} | _to_row(part))
        self._db.execute("DELETE FROM pains WHERE run_id = ?", (run.id,))
        for pain in run.pains:
            self._insert("pains", {"run_id": run.id, "place": pain.place, "level": pain.level})
        self._forget_unworn()
        return self.run(run.id)

    def _insert(self, table: str, values: dict[str, Any]) -> int:
        marks = ", ".join("?" * len(values))
        cursor = self._db.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values())
        )
        return cursor.lastrowid or 0

    def _update(self, table: str, values: dict[str, Any], number: int) -> None:
        changes = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE {table} SET {changes} WHERE id = ?", (*values.values(), number))

    def _number_shoes(self, name: str | None) -> int | None:
        if name is None:
            return None
        self._db.execute("INSERT INTO shoes (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
        found: int = self._db.execute("SELECT id FROM shoes WHERE name = ?", (name,)).fetchone()[0]
        return found

    def _forget_unworn(self) -> None:
        """Forget pairs that no run has and nothing is said of: a slip of the pen, put right."""
        self._db.execute(
            "DELETE FROM shoes WHERE since_date IS NULL AND before_m = 0 AND retired = 0 "
            "AND id NOT IN (SELECT shoes_id FROM runs WHERE shoes_id IS NOT NULL)"
        )


_TOLD = ("distance_m", "duration_s", "surface", "notes")


def _fill(run: Run, entry: Entry) -> Run:
    """Put into a run what is to be stored of it."""
    filmed, watch = entry.filmed, entry.activity
    _require_room(
        run,
        video=None if filmed is None else filmed.sha256,
        watch=None if watch is None else watch.sha256,
    )
    when = run.when.or_better(entry.when)
    if watch is not None:
        when = when.or_better(When(watch.started, "activity"))
    return replace(
        run, when=when, filmed=filmed or run.filmed, activity=watch or run.activity
    ).told(entry.details)


def _list(numbers: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(numbers)))


def _is_same(run: Run, new: Run) -> bool:
    """Tell whether they have a video or watch's file in common."""
    return any(
        old is not None and new is not None and old.sha256 == new.sha256
        for old, new in ((run.filmed, new.filmed), (run.activity, new.activity))
    )


def _require_room(run: Run, *, video: str | None = None, watch: str | None = None) -> None:
    """Refuse a second video or watch's file (their SHA-256): what the first said would be lost."""
    for part, old, new in (
        ("video", run.filmed, video),
        ("watch's file", run.activity, watch),
    ):
        if old is not None and new is not None and old.sha256 != new:
            raise LogError(
                f"run {run.id} has another {part} already, and a run has one; nothing was stored: "
                "leave out --to or --activity, which makes it a run of its own, or first "
                f"formcheck log remove {run.id}"
            )


def _complete_each_other(run: Run, new: Run) -> bool:
    """Tell whether just one has a watch's file, and not both a video."""
    has_watch = run.activity is not None, new.activity is not None
    return has_watch[0] != has_watch[1] and (run.filmed is None or new.filmed is None)


def _were_at_once(run: Run, new: Run) -> bool:
    """Tell whether most of the shorter is within the other; a file's time tells nothing."""
    other, watch = (run, new.activity) if run.activity is None else (new, run.activity)
    if watch is None or other.when.source not in ("video", "given"):
        return False
    if other.filmed is not None and other.when.source == "video":
        length_s = other.filmed.recorded_s
    else:  # as long as the watch ran, where it is not told
        length_s = other.duration_s or watch.elapsed_s
    begin_s = (other.when.time - watch.started).total_seconds()
    shared_s = min(begin_s + length_s, watch.elapsed_s) - max(begin_s, 0.0)
    return shared_s >= LEAST_SHARED * min(length_s, watch.elapsed_s)


def _time_columns(time: datetime) -> dict[str, Any]:
    offset = time.utcoffset() or timedelta(0)
    return {"started_utc_s": time.timestamp(), "utc_offset_s": round(offset.total_seconds())}


def _read_time(row: sqlite3.Row) -> datetime:
    zone = timezone(timedelta(seconds=row["utc_offset_s"]))
    return datetime.fromtimestamp(row["started_utc_s"], UTC).astimezone(zone)


def _to_row(part: Filmed | Activity) -> dict[str, Any]:
    row = {f.name: getattr(part, f.name) for f in fields(part)}
    return row | _time_columns(row.pop("started")) if "started" in row else row


def _from_row(row: sqlite3.Row, kind: type[_Row]) -> _Row:
    values = {f.name: row[f.name] for f in fields(kind) if f.name != "started"}
    if kind is Activity:
        values["started"] = _read_time(row)
    return kind(**values)
