"""What `--help` says, of every command that there is, and what the Tab key completes."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from formcheck.cli.app import app

WIDEST = 80  # columns of a terminal as it opens
HEAVY = {"numpy", "scipy", "cv2", "av", "onnxruntime", "mediapipe", "pyarrow", "jinja2", "sqlite3"}
PATIENCE_S = 180


def walk(command, path=()):
    """Every command with the words that call it; groups before their own."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*path, name))


COMMANDS = dict(walk(typer.main.get_command(app)))
every_command = pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "-")


def help_of(path):
    said = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": str(WIDEST)})
    assert said.exit_code == 0
    return said.stdout


@every_command
def test_help_has_examples_that_call_the_command(path):
    examples = help_of(path).partition("Examples:")[2]
    first = examples.strip().partition("\n")[0]
    assert first.startswith(" ".join(("formcheck", *path))), "no 'Examples:' in its --help"


@every_command
def test_help_is_no_wider_than_a_terminal(path):
    assert [line for line in help_of(path).splitlines() if len(line) > WIDEST] == []


@every_command
def test_help_ends_with_the_exit_statuses(path):
    if hasattr(COMMANDS[path], "commands"):
        pytest.skip("a group does nothing itself")
    statuses = re.findall(r"^\s+(\d+)  \S", help_of(path).partition("Ends with")[2], re.MULTILINE)
    assert statuses[0] == "0"
    assert statuses[-1] == "2"


@every_command
def test_what_a_command_is_for_fits_into_the_list_of_commands(path):
    if path:
        assert "..." not in COMMANDS[path].get_short_help_str(WIDEST - len("  formcheck  "))


def test_completing_imports_nothing_that_takes_time():
    code = (
        "import sys\n"
        "from formcheck.cli.app import app\n"
        "try: app(prog_name='formcheck')\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', *({HEAVY!r} & sys.modules.keys()))\n"
    )
    words = {"COMP_WORDS": "formcheck ana", "COMP_CWORD": "1"}
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **words, "_FORMCHECK_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert said.stdout.split() == ["analyze", "HEAVY"]


SHELLS = {
    "bash": (["bash", "--norc", "-i"], 'source <(formcheck --show-completion); echo REA""DY'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u; eval "$(formcheck --show-completion)"; echo REA""DY',
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        'formcheck --show-completion | source; echo REA""DY',
    ),
}


class Shell:
    """A shell at a terminal, to type at."""

    def __init__(self, command, folder):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            os.environ |= {"HOME": str(folder), "TERM": "xterm", "PATH": path}
            os.execvp(command[0], command)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def shows(self, wanted):
        """Whether this is to be read, up to the moment at which it is."""
        shown, end = b"", time.monotonic() + PATIENCE_S
        while wanted.encode() not in shown:
            if not select.select([self.terminal], [], [], end - time.monotonic())[0]:
                return False
            shown += os.read(self.terminal, 65536)
        return True

    def close(self):
        os.close(self.terminal)  # hangs up
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("name", SHELLS)
def test_the_tab_key_completes_commands_values_and_files(name, tmp_path):
    command, setup = SHELLS[name]
    if not shutil.which(name):
        pytest.skip(f"no {name} here")
    (tmp_path / "treadmill.mp4").touch()
    shell = Shell(command, tmp_path)
    try:
        shell.type(f"{setup}\n")
        assert shell.shows("READY")
        for typed, wanted in (
            ("formcheck ana\t", "analyze"),
            ("formcheck analyze tre\t", "treadmill.mp4"),
            ("formcheck analyze --engine m\t", "mediapipe"),
            ("formcheck analyze --device cu\t", "cuda"),
            ("formcheck analyze --view re\t", "rear"),
        ):
            shell.type(typed)
            assert shell.shows(wanted), typed
            shell.type("\x15")  # away with the line
    finally:
        shell.close()


def test_completion_is_installed_into_the_shells_own_files(tmp_path):
    if not shutil.which("bash"):
        pytest.skip("no bash here")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", "--norc", "-c", "formcheck --install-completion; true"],
        env={**os.environ, "HOME": str(tmp_path), "PATH": path},
        check=True,
        timeout=PATIENCE_S,
        capture_output=True,
    )
    line = (tmp_path / ".bashrc").read_text()
    assert "formcheck" in line
