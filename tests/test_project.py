"""What the README promises about the checkout is what its files do."""

from pathlib import Path

import pytest

from formcheck.system import SYSTEM_LIBRARIES

REPOSITORY = Path(__file__).resolve().parent.parent
BROWSER_PACKAGES = {"chromium", "chromium-driver"}
DEBIAN_PACKAGES = sorted(
    {"python3-venv", *BROWSER_PACKAGES, *(lib.debian_package for lib in SYSTEM_LIBRARIES)}
)


@pytest.fixture
def readme() -> str:
    path = REPOSITORY / "README.md"
    if not path.is_file():
        pytest.skip("no README yet")
    return path.read_text()


def commands(text: str) -> list[str]:
    """Return the lines of a text, without a prompt or an indent."""
    return [line.strip().removeprefix("$ ") for line in text.splitlines()]


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_readme_gives_the_command(readme: str, command: str) -> None:
    assert command in commands(readme)


def test_ci_runs_the_readmes_test_command(readme: str) -> None:
    run = commands((REPOSITORY / ".ci" / "run").read_text())
    assert run[-1] == "make test"
    assert run[-1] in commands(readme)


@pytest.mark.parametrize("package", DEBIAN_PACKAGES)
def test_readme_names_what_the_setup_installs(readme: str, package: str) -> None:
    assert package in readme


def test_makefile_has_the_commands() -> None:
    lines = (REPOSITORY / "Makefile").read_text().splitlines()
    for target in ("setup", "demo", "test", "check", "docs", "browser"):
        assert any(line.startswith(f"{target}:") for line in lines)


def test_setup_asks_formcheck_for_the_packages() -> None:
    script = (REPOSITORY / "tools" / "setup.sh").read_text()
    assert "missing_packages" in script
    assert "python3-venv" in script
