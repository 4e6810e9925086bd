"""The command line: reads what is asked, runs the pipeline, says what came of it."""
