"""`python -m formcheck.cli` is the `formcheck` command."""

import sys


def main() -> None:
    """Entry point of the `formcheck` command; Ctrl-C may come before there is a command."""
    try:
        from formcheck.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("formcheck: stopped\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
