"""The list of samples: functions that make them, each with the names of the files it makes."""

import os
import zlib

import torch

from export import save

DIRECTORY = os.path.dirname(os.path.abspath(__file__))
SAMPLES = []


def sample(*names):
    """Registers a function as the maker of the files of these names.

    It yields for each (chain, cases), or (chain, cases, options) with the options `state_dict` (where it is not that of
    the chain's tree), `prefix` (of the modules' names in it), `metadata`, and `text` (other files to write beside it).
    """

    def register(function):
        SAMPLES.append((names, function))
        return function

    return register


def make(names, function, directory=DIRECTORY):
    """Makes one function's samples. Their numbers depend on their names alone, not on what else is made."""
    torch.set_num_threads(1)
    torch.manual_seed(zlib.crc32(names[0].encode()))
    for name, (chain, cases, *rest) in zip(names, function(), strict=True):
        options = rest[0] if rest else {}
        metadata = {"description": " ".join(function.__doc__.split())} | options.get("metadata", {})
        save(
            os.path.join(directory, name + ".h5"),
            options.get("state_dict") or chain.tree.state_dict(),
            chain.architecture(options.get("prefix", "")),
            cases,
            metadata,
        )
        for file, text in options.get("text", {}).items():
            with open(os.path.join(directory, os.path.dirname(name), file), "w") as output:
                output.write(text)
