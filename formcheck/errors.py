"""The errors formcheck raises: each is one kind line, what is wrong and what to do."""


class FormcheckError(Exception):
    """A video cannot be analysed; the message tells a runner why, and what to do."""


class VideoError(FormcheckError):
    """The file cannot be read as a video."""


class NoRunnerError(FormcheckError):
    """The video is readable, but shows nobody whose running can be measured."""


class SlowMotionError(FormcheckError):
    """The video looks slowed down, so its times would be nonsense."""


class ModelError(FormcheckError):
    """A pose model is missing or is not the file it should be."""


class SystemLibraryError(FormcheckError):
    """A shared library of the system is missing."""


class OutputError(FormcheckError):
    """The results cannot be written."""


class ResultError(FormcheckError):
    """The result of an earlier analysis cannot be read."""


class ExportError(FormcheckError):
    """A result cannot be brought into the format asked for."""


class LogError(FormcheckError):
    """The log of runs cannot be read or written, or does not hold what is asked for."""


class ActivityError(FormcheckError):
    """The file of a watch cannot be read."""


class DiskFullError(OutputError):
    """There is no room for the results, so no further one can be written either."""


class BatchError(FormcheckError):
    """A batch cannot start or go on."""


class GuardError(FormcheckError):
    """The process that was to analyse a clip crashed, hung or grew too large."""
