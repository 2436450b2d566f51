"""What goes wrong, with the facts that the command `rnn` prints."""

import enum
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


# What the library calls by its C names.
_FUNCTIONS = {
    "rnnkit_plan_get_shape": "Model.shape", "rnnkit_model_with_case": "Model.with_case",
    "RNNKIT_FLOAT32": '"float32"', "RNNKIT_FLOAT64": '"float64"', "options->state": "state=",
}


def spelled(text: str) -> str:
    """A library's text with this package's names in place of C's."""
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
        self.problem = problem
        self.remedy = remedy
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
