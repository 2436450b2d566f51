"""A model made ready to run, and what goes in and comes out."""

import ctypes as c
import json
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _library
from ._errors import usage

PRECISIONS = {None: 0, "float32": 1, "float64": 2}


class Member(NamedTuple):
    """An array that goes in or comes out: axes are sizes, or "time" and "batch"."""

    name: str
    shape: Tuple[Union[int, str], ...]


class Input(NamedTuple):
    """An input: the names by which it is given, its axes, and for indices of an embedding how many there are."""

    names: Tuple[str, ...]
    shape: Tuple[Union[int, str], ...]
    indices: Optional[int]


class Plan:
    """A model made ready to run, with what goes in and comes out."""

    def __init__(self, model: _library.Handle, precision: Optional[str], threads: int) -> None:
        options = _library.PlanOptions(precision=PRECISIONS[precision], threads=threads)
        self.handle = _library.Handle("plan", _library.check("plan_make", model.address, c.byref(options)))
        about = json.loads(_library.describe("plan", self.handle))
        self.notes: List[str] = about.get("notes", [])
        self.forward: Optional[str] = about["forward"]
        self.dtype = np.dtype(about["precision"])
        self.batch_first: bool = about["batch_first"]
        self.streamable: bool = about["streamable"]
        self.inputs = [Input(tuple(item["names"]), tuple(item["shape"]), item["indices"]) for item in about["inputs"]]
        self.names = {name: index for index, item in enumerate(self.inputs) for name in item.names}
        self.result: str = about["result"]
        self.members = {item["name"]: tuple(item["shape"]) for item in about["members"]}
        self.states = {item["name"]: tuple(item["shape"]) for item in about["states"]}

    def shape(self, name: str, steps: int, batch: Optional[int]) -> Tuple[int, ...]:
        try:
            axes = self.members[name]
        except (KeyError, TypeError):
            raise usage("there is no such member", f"use one of {', '.join(self.members)}", str(name)) from None
        return sized(axes, steps, batch)


def sized(axes: Sequence[Union[int, str]], steps: int, batch: Optional[int]) -> Tuple[int, ...]:
    return tuple(
        steps if axis == "time" else (1 if batch is None else batch) if axis == "batch" else int(axis)
        for axis in axes if not (axis == "batch" and batch is None))
