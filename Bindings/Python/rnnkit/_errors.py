"""What goes wrong, with the facts that the command `rnn` prints."""

import enum
import re
from typing import Optional


class Kind(enum.IntEnum):
    """What kind of thing failed; the numbers are the exit statuses of `rnn`."""

    USAGE = 64
    """Arguments contradict each other, the file or the model, or are missing."""
    BAD_DATA = 65
    """A file or an array is damaged, contradicts itself or is not supported."""
    MISSING_INPUT = 66
    """A file that was to be read is missing or may not be read."""
    DEFECT = 70
    """A defect of RNNKit."""
    CANNOT_CREATE = 73
    """A file cannot be created."""
    INPUT_OUTPUT = 74
    """Reading or writing failed half-way."""


# Options of the command as arguments of this package, so that a remedy can be followed here.
_ARGUMENTS = {
    "from": "format", "to": "format", "state-dict": "state_dict", "config": "config", "forward": "forward",
    "nonlinearity": "nonlinearity", "head-activation": "head_activation", "timeout": "timeout", "dtype": "dtype",
    "threads": "threads", "precision": "precision",
}
_FLAGS = {"batch-first": "batch_first", "force": "force", "no-cases": "no_cases"}
_LISTS = {"module": "modules", "rename": "renames", "ignore": "ignore"}
_FUNCTIONS = {
    "rnnkit_plan_get_shape": "Model.shape", "rnnkit_model_with_case": "Model.with_case", "rnnkit_describe": "Model.describe",
    "RNNKIT_FLOAT32": '"float32"', "RNNKIT_FLOAT64": '"float64"', "options->state": "state=",
}
_WORD = r"(?!from\b|and\b|or\b|to\b|options?\b)(?:'[^']*'|[A-Za-z0-9_.:=-]*[A-Za-z0-9_])"


def _spelled(text: Optional[str]) -> Optional[str]:
    """A remedy with the arguments of this package in place of the command's options."""
    if text is None:
        return None
    for name, argument in _LISTS.items():

        def gathered(match: "re.Match[str]", argument: str = argument, name: str = name) -> str:
            words = re.findall(rf"--{name} ({_WORD})", match.group(0))
            return f"{argument}=[{', '.join(repr(word.strip(chr(39))) for word in words)}]"

        text = re.sub(rf"--{name} (?:{_WORD})(?: --{name} (?:{_WORD}))*", gathered, text)
        text = re.sub(rf"--{name}\b(?!-)", f"{argument}=[...]", text)
    for name, argument in _FLAGS.items():
        text = re.sub(rf"--{name}\b(?!-)", f"{argument}=True", text)
    for name, argument in _ARGUMENTS.items():
        text = re.sub(rf"--{name} ('[^']*')", rf"{argument}=\1", text)
        text = re.sub(rf"--{name}\b(?!-)", f"{argument}=...", text)
    for name, replacement in _FUNCTIONS.items():
        text = text.replace(name, replacement)
    return text


class Error(Exception):
    """What RNNKit refuses or cannot do.

    `str(error)` is one line: file, place, problem; remedy. Pickles, so that it reaches the caller from another process.

    Attributes:
        kind: what kind of thing failed, a `Kind`, whose numbers are the exit statuses of `rnn`.
        file: the file as it was named; None where there is none.
        place: where in it, or which argument; None where there is none.
        problem: what is wrong.
        remedy: what to do; None where nothing is known.
    """

    def __init__(
        self, kind: int, problem: str, *, file: Optional[str] = None, place: Optional[str] = None,
        remedy: Optional[str] = None,
    ) -> None:
        self.kind = Kind(kind)
        self.file = file
        self.place = place
        self.problem = _spelled(problem) or ""
        self.remedy = _spelled(remedy)
        message = ": ".join(part for part in (file, place, self.problem) if part)
        super().__init__(f"{message}; {self.remedy}" if self.remedy else message)

    def __reduce__(self):
        return _error, (int(self.kind), self.problem, self.file, self.place, self.remedy)


def _error(kind: int, problem: str, file: Optional[str], place: Optional[str], remedy: Optional[str]) -> Error:
    return Error(kind, problem, file=file, place=place, remedy=remedy)


def usage(problem: str, remedy: str, place: Optional[str] = None) -> Error:
    """An argument that cannot be."""
    return Error(Kind.USAGE, problem, place=place, remedy=remedy)


class AssumptionWarning(UserWarning):
    """Something that a model file does not say was assumed, or something in it is left out of what is computed."""
