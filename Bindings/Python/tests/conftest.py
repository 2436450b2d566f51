"""Where tests find the models, and the command that came with the package."""

import os
import pathlib
import subprocess

import numpy as np
import pytest

import rnnkit
from rnnkit import _library

ROOT = pathlib.Path(os.environ.get("RNNKIT_REPOSITORY", pathlib.Path(__file__).resolve().parents[3]))


@pytest.fixture(scope="session")
def samples():
    """The folder of models that PyTorch and Keras made, with their outputs inside."""
    return ROOT / "SampleModels"


@pytest.fixture
def command():
    """Runs the bundled `rnn`; returns its standard output."""

    if not os.path.exists(os.path.join(_library.FOLDER, "rnn")):
        pytest.skip("not installed from a wheel: no command beside the library")

    def run(*arguments, status=0):
        done = subprocess.run(
            [os.path.join(_library.FOLDER, "rnn"), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == status, done.stderr.decode()
        return done.stdout.decode()

    return run


@pytest.fixture
def large(tmp_path):
    """A native file of some megabytes: LSTM(64, 512) and a Linear."""
    random = np.random.default_rng(1)
    np.savez(tmp_path / "large.npz", **{
        name: (random.standard_normal(shape) / 20).astype("float32")
        for name, shape in {"lstm.weight_ih_l0": (2048, 64), "lstm.weight_hh_l0": (2048, 512), "lstm.bias_ih_l0": (2048,),
                            "lstm.bias_hh_l0": (2048,), "fc.weight": (3, 512), "fc.bias": (3,)}.items()})
    rnnkit.convert(tmp_path / "large.npz", tmp_path / "large.rnn", forward="fc(last(lstm(x)))")
    return tmp_path / "large.rnn"
