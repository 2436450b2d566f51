"""The program that reads HDF5, and forks."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import numpy as np

from support import *


class HDF5(Scratch):
    def test_the_program_is_found_beside_or_by_the_environment(self):
        program = f"""
import sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
from library import *
try: open_model({str(sample('lstm.h5'))!r})
except Error as error: print(error.message); sys.exit(error.kind)
"""
        def opens(**environment):
            result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment})
            self.assertLess(result.returncode, 128, result.stderr)
            return result.returncode, result.stdout
        self.assertEqual(opens()[0], 0)
        child = pathlib.Path(PREFIX) / "libexec/rnnkit/rnn-hdf5"
        # The library beside the program, as a wheel has them.
        beside = self.scratch / "package/lib"
        beside.mkdir(parents=True)
        (beside / "librnnkit.so").symlink_to(pathlib.Path(PREFIX).resolve() / "lib/librnnkit.so")
        self.assertEqual(opens(RNNKIT_PREFIX=str(beside.parent))[0], 0)  # links are followed
        (beside / "librnnkit.so").unlink()
        (beside / "librnnkit.so").write_bytes((pathlib.Path(PREFIX) / "lib/librnnkit.so").read_bytes())
        status, words = opens(RNNKIT_PREFIX=str(beside.parent))
        self.assertEqual(status, DEFECT)
        self.assertIn("RNNKIT_HDF5", words)
        self.assertEqual(opens(RNNKIT_PREFIX=str(beside.parent), RNNKIT_HDF5=str(child))[0], 0)
        (beside / "rnn-hdf5").symlink_to(child)
        self.assertEqual(opens(RNNKIT_PREFIX=str(beside.parent))[0], 0)

    def test_a_host_that_collects_its_children(self):
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            model = open_model(sample("lstm.h5"))
            convert(model, self.scratch / "x.h5")
            (self.scratch / "bad.h5").write_bytes(sample("lstm.h5").read_bytes()[:3000])
            self.refused(BAD_DATA, "", open_model, self.scratch / "bad.h5")
        finally:
            signal.signal(signal.SIGCHLD, before)

    def test_a_limit_of_time_is_each_calls_own(self):
        open_model(sample("lstm.h5"), timeout=86400)
        open_model(sample("lstm.h5"))

    def test_reads_in_two_threads(self):
        failures = []
        def work():
            try:
                for _ in range(5):
                    describe(open_model(sample("gru.h5")))
            except Exception as error:
                failures.append(error)
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        self.assertEqual(failures, [])


class Fork(Scratch):
    def test_what_is_unpacked_after_a_fork_is_each_processes_own(self):
        """Large arrays are unpacked to temporary files, which a child shares with its parent."""
        def write(name, seed):
            random = np.random.default_rng(seed)
            hidden = 1300  # more than 16 MiB a matrix, unpacked
            shapes = {"rnn.weight_ih_l0": (3 * hidden, 4), "rnn.weight_hh_l0": (3 * hidden, hidden),
                      "rnn.bias_ih_l0": (3 * hidden,), "rnn.bias_hh_l0": (3 * hidden,)}
            arrays_ = {n: (random.integers(-8, 8, shape) / 64).astype("float32") for n, shape in shapes.items()}
            np.savez_compressed(self.scratch / name, **arrays_)
            return arrays_["rnn.weight_hh_l0"]

        def read(model):
            room = np.zeros((3900, 1300), "float32")
            read_tensors(model, None, [("rnn.weight_hh_l0", room)])
            return room

        expected = [write(f"{seed}.npz", seed) for seed in range(3)]
        first = open_model(self.scratch / "0.npz")
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                second = open_model(self.scratch / "1.npz")
                os.write(ready[1], b"x")
                os.read(go[0], 1)  # until the parent has unpacked another
                status = 0 if same(read(second), expected[1]) and same(read(first), expected[0]) else 2
            finally:
                os._exit(status)
        os.read(ready[0], 1)
        third = open_model(self.scratch / "2.npz")
        os.write(go[1], b"x")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertTrue(same(read(third), expected[2]))
        self.assertTrue(same(read(first), expected[0]))
        for end in ready + go:
            os.close(end)
