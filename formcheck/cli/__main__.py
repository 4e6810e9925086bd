"""`python -m formcheck.cli` is the `formcheck` command."""

from formcheck.cli.app import main

main()
