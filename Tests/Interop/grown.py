"""A module's text that a check draws part by part, keeping what PyTorch runs."""

import argparse
import pathlib
import tempfile

import torch

from samples import Command, Report


class Grown:
    """`init` and `lines` are the statements of the constructor and of the forward, `x` is an input, and `net()` makes the module of `text()`."""

    def text(self, result="y"):
        return "\n".join(["class Net(nn.Module):", "    def __init__(self):", "        super().__init__()"] + ["        " + line for line in self.init]
                         + ["", "    def forward(self, x):"] + ["        " + line for line in [*self.lines, f"return {result}"]]) + "\n"

    def shape(self):
        """Of what the module gives; None where PyTorch does not run it."""
        try:
            with torch.no_grad():
                return tuple(self.net()(self.x).shape)
        except Exception:
            return None

    def attempt(self, init, lines, kind):
        """Whether PyTorch runs the module with these statements too; they stay where it does."""
        before = len(self.init), len(self.lines)
        self.init += init
        self.lines += lines
        shape = self.shape()
        if shape is None or 0 in shape:
            del self.init[before[0]:], self.lines[before[1]:]
            return False
        self.kinds.append(kind)
        return True

    def name(self, word):
        self.count += 1
        return f"{word}{self.count}"


def alone(check, description):
    """Runs one check as a program, RNN [--count N] [--first N] [--keep FILE]; gives its exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("rnn", type=pathlib.Path)
    parser.add_argument("--count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", help="a file for the refusals")
    given = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as scratch:
        check(report, Command(given.rnn.resolve(), scratch), given.first, given.count, given.keep)
    print("\n".join(report.lines + [f"FAILED {failure}" for failure in report.failures]))
    return 1 if report.failures else 0
