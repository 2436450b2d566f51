"""The list of samples: functions that make them, each with the names of the files it makes."""

import os
import zlib

import torch

from export import save

DIRECTORY = os.path.dirname(os.path.abspath(__file__))
SAMPLES = []
FILES = []


def sample(*names):
    """Registers a function as the maker of the files of these names.

    It yields for each (chain, cases), or (chain, cases, options) with the options `state_dict` (where it is not that of
    the chain's tree), `prefix` (of the modules' names in it), `metadata`, and `text` (other files to write beside it).
    `chain` may also be an architecture as a dictionary, with `state_dict` given.
    """

    def register(function):
        SAMPLES.append((names, function))
        return function

    return register


def files(*names):
    """Registers a function that writes the files of these names, and more beside them, into a directory."""

    def register(function):
        FILES.append((names, function))
        return function

    return register


def make(wanted=lambda name: True, directory=DIRECTORY):
    """Makes the samples that are wanted. Their numbers depend on their names alone, not on what else is made."""
    torch.set_num_threads(1)
    for names, function in SAMPLES + FILES:
        if not any(map(wanted, names)):
            continue
        print(*names)
        torch.manual_seed(zlib.crc32(names[0].encode()))
        if (names, function) in FILES:
            function(directory)
            continue
        for name, made in zip(names, function(), strict=True):
            write(os.path.join(directory, name), function.__doc__, *made)


def write(path, description, chain, cases, options=None):
    options = options or {}
    is_chain = not isinstance(chain, dict)
    save(
        path + ".h5",
        options["state_dict"] if "state_dict" in options else chain.tree.state_dict(),
        chain.architecture(options.get("prefix", "")) if is_chain else chain,
        cases,
        {"description": " ".join(description.split())} | options.get("metadata", {}),
    )
    for file, text in options.get("text", {}).items():
        with open(os.path.join(os.path.dirname(path), file), "w") as output:
            output.write(text)
