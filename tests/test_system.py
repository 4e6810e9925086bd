"""What the machine lacks is named, with the package that brings it."""

import io
import sys
from collections.abc import Callable

import pytest
from rich.console import Console

from formcheck import system
from formcheck.errors import SystemLibraryError
from formcheck.system import SYSTEM_LIBRARIES, SystemLibrary


def loader_without(*absent: str) -> Callable[[str], object]:
    """Return a loader that knows every library but these."""

    def load(name: str) -> object:
        if name in absent:
            raise OSError(f"{name}: cannot open shared object file")
        return object()

    return load


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.mark.parametrize("library", SYSTEM_LIBRARIES, ids=lambda library: library.name)
def test_missing_library_is_named_with_its_package(library: SystemLibrary) -> None:
    with pytest.raises(SystemLibraryError) as caught:
        system.require_system_libraries(loader_without(library.name))
    text = str(caught.value)
    assert library.name in text
    assert text.endswith(f"sudo apt-get install {library.debian_package}")
    assert "\n" not in text


def test_nothing_is_raised_when_all_load() -> None:
    assert system.missing_packages(loader_without()) == []
    system.require_system_libraries(loader_without())


def test_a_package_that_brings_two_libraries_is_named_once() -> None:
    load = loader_without("libglib-2.0.so.0", "libgthread-2.0.so.0", "libEGL.so.1")
    assert system.missing_packages(load) == ["libegl1", "libglib2.0-0"]


def test_other_systems_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    everything = loader_without(*(library.name for library in SYSTEM_LIBRARIES))
    assert system.missing_packages(everything) == []


def facts_by_name() -> dict[str, system.Fact]:
    return {fact.name: fact for fact in system.collect_system_facts()}


def test_doctor_knows_this_machine() -> None:
    facts = facts_by_name()
    assert int(facts["cores"].value) >= 1
    assert facts[system.OPENCV].ok
    assert facts["lite"].ok
    assert facts["full"].ok
    assert facts["H.264 in"].ok
    assert all(fact.advice for fact in facts.values() if fact.ok is False)


def test_optional_things_are_never_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "find_gpu", lambda: None)
    assert facts_by_name()["GPU"].ok is None


def test_a_second_opencv_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    known = system.installed_version
    monkeypatch.setattr(
        system,
        "installed_version",
        lambda name: "4.11" if name == "opencv-python" else known(name),
    )
    fact = facts_by_name()["opencv-python"]
    assert fact.ok is False
    assert "pip uninstall opencv-python" in fact.advice


@pytest.mark.parametrize("ok", [True, False])
def test_doctor_shows_its_verdict(monkeypatch: pytest.MonkeyPatch, ok: bool) -> None:
    facts = [
        system.Fact("machine", "cores", "2"),
        system.Fact("codec", "AV1 in", "none", ok, "" if ok else "Install [this]"),
    ]
    monkeypatch.setattr(system, "collect_system_facts", lambda: facts)
    shown = io.StringIO()
    assert system.render_doctor(Console(file=shown, width=80)) is ok
    assert ("Install [this]" in shown.getvalue()) is not ok
    assert ("missing" in shown.getvalue()) is not ok
