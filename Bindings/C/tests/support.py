"""What the tests of the C interface share: samples, the command, and refusals.

    RNNKIT_PREFIX=/usr/local python -m unittest discover -s Bindings/C/tests
"""

import io
import pathlib
import re
import subprocess
import tempfile
import unittest

import numpy as np

from library import *

ROOT = pathlib.Path(__file__).resolve().parents[3]
SAMPLES, SCHEMAS = ROOT / "SampleModels", ROOT / "Schemas"
RNN = PREFIX + "/bin/rnn"
NATIVE = sorted(SAMPLES.rglob("*.rnn"))


def command(*arguments, status=0):
    result = subprocess.run([RNN, *map(str, arguments)], capture_output=True)
    assert result.returncode == status, (arguments, result.returncode, result.stderr)
    return result


def sample(name):
    return SAMPLES / name


def input_for(about, batch=3, steps=7, dtype=None, seed=0):
    """What a plan takes, by name."""
    random = np.random.default_rng(seed)
    result = []
    for one in about["inputs"]:
        sizes = [{"time": steps, "batch": batch}.get(axis, axis) for axis in one["shape"]]
        if one["indices"] is not None:
            values = random.integers(0, one["indices"], sizes)
        else:
            values = random.standard_normal(sizes).astype(dtype or about["precision"])
        result.append((one["names"][0], values))
    return result


def embedding_model():
    """An embedding before a GRU that runs forward only, as bytes of an .npz file."""
    random, file = np.random.default_rng(6), io.BytesIO()
    shapes = {"emb.weight": (12, 6), "gru.weight_ih_l0": (15, 6), "gru.weight_hh_l0": (15, 5), "gru.bias_ih_l0": (15,),
              "gru.bias_hh_l0": (15,), "out.weight": (4, 5), "out.bias": (4,)}
    np.savez(file, **{name: random.standard_normal(shape).astype("float32") for name, shape in shapes.items()})
    return open_bytes(file.getvalue(), forward="log_softmax(out(gru(emb(x))))")


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.scratch = pathlib.Path(folder.name)

    def refused(self, kind, words, call, *arguments, **named):
        with self.assertRaises(Error) as caught:
            call(*arguments, **named)
        error = caught.exception
        self.assertEqual(error.kind, kind, error.message)
        self.assertIn(words, error.message)
        self.assertNotIn("\n", error.message)
        self.assertTrue(error.remedy, error.message)
        head = ": ".join(part for part in (error.file, error.place, error.problem) if part)
        # A path's bytes that are no UTF-8 are shown as \\xff.
        head = re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xdc00:x}", head)
        self.assertEqual(error.message, f"{head}; {error.remedy}")
        return error
