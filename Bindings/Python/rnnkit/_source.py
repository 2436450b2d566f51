"""Where a model came from, and its checksum: enough to open it again in another process."""

import hashlib
import os
from typing import Any, NamedTuple, Optional, Tuple

from ._errors import Error, Kind


class Source(NamedTuple):
    """Where a model came from: enough to open it again."""

    path: Optional[bytes]
    data: Optional[bytes]
    name: Optional[str]
    options: Tuple[Tuple[str, Any], ...]
    precision: Optional[str]
    threads: int


Identity = Tuple[int, int, int, int]


def identity(path: bytes) -> Optional[Identity]:
    """Which file is under a path; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def digest(path: bytes) -> str:
    result = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while True:
                piece = file.read(1 << 20)
                if not piece:
                    return result.hexdigest()
                result.update(piece)
    except OSError as error:
        raise Error(Kind.MISSING_INPUT, error.strerror or str(error), file=os.fsdecode(path),
                    remedy="put the model where it was when it was opened, or open it from bytes") from None
