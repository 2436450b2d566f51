"""What refuses wrong calls."""

import ctypes as c
import os
import pathlib
import subprocess
import sys

import numpy as np

from support import *


class Refusals(Scratch):
    """Whatever is passed, an error comes back; nothing traps, and nothing is written."""

    def setUp(self):
        super().setUp()
        self.model = open_model(sample("lstm.rnn"))
        self.plan = plan_of(self.model)
        self.x = input_for(describe_plan(self.plan))[0][1]
        self.null = pointer()

    def test_null(self):
        null = self.null
        for name, arguments in {
            "open": (null, null), "open_memory": (null, size(4), null, null), "describe": (null,), "verify": (null, null, null),
            "model_with_case": (null, b"x", null, size(0)), "model_read": (null, null, null, size(0)), "convert": (null, b"x.rnn", null, null), "plan_make": (null, null),
            "plan_describe": (null,), "plan_get_info": (null, null), "plan_get_shape": (null, null, int64(1), int64(1), null, null),
            "run": (null, null, size(0), null, size(0), null), "state_make": (null, int64(1), null, size(0)),
            "state_copy": (null,), "state_read": (null, null, size(0)), "state_save": (null, b"s.npz", int32(0)),
            "state_load": (null, b"s.npz"), "runner_make": (null, int64(1), int64(1)),
        }.items():
            with self.subTest(name):
                self.refused(USAGE, "it is NULL", check, name, *arguments)
        for kind in ("float32", "float64", "indices_float32", "indices_float64"):
            self.refused(USAGE, "it is NULL", check, "step_" + kind, null, null, int64(1), null, size(1), null, size(1))
        for name, arguments in {"verify": (null, null), "convert": (null, null, null), "model_with_case": (null, null, size(0))}.items():
            self.refused(USAGE, "it is NULL", check, name, self.model.address, *arguments)
        for name in ("model", "plan", "state", "runner", "error", "text"):
            getattr(lib, f"rnnkit_{name}_free")(null)
        self.assertEqual(lib.rnnkit_error_kind(null), 0)
        self.assertIsNone(lib.rnnkit_error_message(null))
        self.assertEqual(lib.rnnkit_state_batch(null), 0)
        # Nobody need take the error.
        self.assertIsNone(lib.rnnkit_open(b"no such file", null, null))

    def test_sizes(self):
        y = np.zeros(shape_of(self.plan, "output", *self.x.shape[:2]), "float32")
        good_in, good_out = array(None, self.x), array("output", y)

        def changed(original, shape=None, strides=None, **members):
            result = Array.from_buffer_copy(original)
            result.kept = original
            if shape is not None:
                result.rank = len(shape)
                result.shape = (int64 * max(1, len(shape)))(*shape)
            if strides is not None:
                result.strides = (int64 * len(strides))(*strides)
            for name, value in members.items():
                setattr(result, name, value)
            return result

        def run_with(inputs, outputs=(good_out,), count=None, **options):
            given, targets = arrays(inputs), arrays(outputs)
            check("run", self.plan.address, given, size(len(inputs) if count is None else count), targets, size(len(outputs)),
                  c.byref(RunOptions(**options)))

        run_with([good_in])
        huge = 1 << 62
        bad = {
            "its type is 0": changed(good_in, type=0), "its type is 99": changed(good_in, type=99),
            "its type is -1": changed(good_in, type=-1),
            "its rank is -1": changed(good_in, rank=-1), "its rank is 9": changed(good_in, rank=9),
            "its shape is (-1,": changed(good_in, shape=(-1, 3, 3)),
            f"its shape is ({huge}, {huge}": changed(good_in, shape=(huge, huge, 3)),
            f"its shape is ({huge})": changed(good_in, shape=(huge,)),
            "shape: it is NULL": changed(good_in, shape=None, rank=1),
            "its strides": changed(good_in, strides=((1 << 63) - 1, 4, 4)),
            "data: it is NULL": changed(good_in, data=None),
            "nothing of that name goes in": changed(good_in, name=b"nobody"),
            "it is not UTF-8": changed(good_in, name=b"\xff"),
        }
        bad["shape: it is NULL"].shape = None
        for words, one in bad.items():
            with self.subTest(words):
                self.refused(USAGE, words, run_with, [one])
        self.refused(BAD_DATA, "its shape", run_with, [changed(good_in, shape=(5,))])
        self.refused(BAD_DATA, "its type is int64", run_with, [changed(good_in, type=INT64)])
        self.refused(BAD_DATA, "input: it is missing", run_with, [])
        self.refused(USAGE, "it is given twice", run_with, [good_in, changed(good_in, name=b"input")])
        self.refused(USAGE, "inputs: there are", run_with, [good_in], count=(1 << 64) - 1)
        self.refused(USAGE, "inputs: there are", run_with, [good_in], count=1 << 40)
        y[...] = 5
        for words, one in {
            "there is no such member": changed(good_out, name=b"logits"), "it is float64": changed(good_out, type=FLOAT64),
            "expected float32 (7, 3": changed(good_out, shape=(7, 3, 1)), "data: it is NULL": changed(good_out, data=None),
        }.items():
            with self.subTest(words):
                self.refused(USAGE, words, run_with, [good_in], [good_out, one])
        self.refused(BAD_DATA, "lengths, row 1", run_with, [good_in, array("lengths", np.array([1, 99, 1]))])
        self.refused(BAD_DATA, "lengths", run_with, [good_in, array("lengths", np.array([1, 1]))])
        self.refused(BAD_DATA, "h0", run_with, [good_in, array("h0", np.zeros((9, 9, 9), "float32"))])
        self.refused(USAGE, "threads", run_with, [good_in], threads=-1)
        self.refused(USAGE, "threads", run_with, [good_in], threads=1 << 30)
        state = state_of(self.plan, 3)
        self.refused(USAGE, "leave one of them out", run_with, [good_in, array("h0", np.zeros((1, 3, 3), "float32"))], state=state.address)
        wrong = state_of(self.plan, 2)
        self.refused(USAGE, "it is of 2 rows", run_with, [good_in], state=wrong.address)
        other = state_of(plan_of(open_model(sample("gru.rnn"))), 3)
        self.refused(USAGE, "or of other modules", run_with, [good_in], state=other.address)
        self.assertTrue((y == 5).all(), "a refused run wrote")

    def test_what_memory_cannot_hold(self):
        for batch in (1 << 40, 1 << 62, (1 << 63) - 1):
            self.refused(BAD_DATA, "", check, "state_make", self.plan.address, int64(batch), self.null, size(0))
        self.refused(USAGE, "a batch of -1", check, "state_make", self.plan.address, int64(-1), self.null, size(0))
        for batch, steps in ((0, 1), (1, 0), (-1, 1), (1, -1)):
            self.refused(USAGE, "use 1 or more", check, "runner_make", self.plan.address, int64(batch), int64(steps))
        for batch, steps in ((1 << 62, 1), (1, 1 << 62), (1 << 40, 1 << 40)):
            self.refused(BAD_DATA, "", check, "runner_make", self.plan.address, int64(batch), int64(steps))
        for steps, batch in ((1 << 62, 1 << 62), ((1 << 63) - 1, 2)):
            self.refused(USAGE, "too large together", shape_of, self.plan, "output", steps, batch)
        self.refused(USAGE, "-1 steps", shape_of, self.plan, "output", -1, 1)
        # One element for a sequence that no memory holds.
        one = np.zeros(1, "float32")
        endless = array(None, np.lib.stride_tricks.as_strided(one, (1 << 44, 1, self.x.shape[2]), (0, 0, 0)))
        self.refused(BAD_DATA, "memory cannot be had", check, "run", self.plan.address, arrays([endless]), size(1), self.null, size(0), self.null)

    def test_options(self):
        for make in (lambda o: check("open", os.fsencode(sample("lstm.rnn")), c.byref(o)),):
            for wrong in (0, 7, (1 << 16) + 1, (1 << 64) - 1):
                options = OpenOptions()
                options.struct_size = wrong
                self.refused(USAGE, "struct_size", make, options)
        # An older caller has fewer members, which are then 0; a newer one more, which must be.
        options = OpenOptions(forward="nonsense(")
        options.struct_size = OpenOptions.forward.offset
        Handle("model", check("open", os.fsencode(sample("lstm.rnn")), c.byref(options)))
        newer = (c.c_char * (c.sizeof(OpenOptions) + 16))()
        options = OpenOptions()
        options.struct_size = len(newer)
        c.memmove(newer, c.byref(options), c.sizeof(options))
        Handle("model", check("open", os.fsencode(sample("lstm.rnn")), newer))
        newer[-1] = 1
        self.refused(USAGE, "newer", check, "open", os.fsencode(sample("lstm.rnn")), newer)
        short = PlanInfo()
        short.struct_size = PlanInfo.output_size.offset
        check("plan_get_info", self.plan.address, c.byref(short))
        self.assertEqual((short.input_size, short.output_size), (info(self.plan).input_size, 0))
        for options, words in (
            (dict(nonlinearity="swish"), "use one of tanh, relu"), (dict(head_activation="gelu"), "use one of"),
            (dict(ignored=["nothing"]), "use one of masks"), (dict(renames=["x"]), "expected OLD=NEW"),
            (dict(format="word"), "no format is named word"), (dict(timeout=-1), "timeout"), (dict(forward="lstm("), "forward"),
            (dict(modules=["nobody"]), "nobody"), (dict(forward=b"\xff"), "UTF-8"),
        ):
            with self.subTest(words):
                self.refused(USAGE, words, open_model, sample("lstm.rnn"), **options)
        for options, words in (
            (dict(precision=3), "precision"), (dict(threads=-1), "threads"), (dict(modules=["nobody"]), "nobody"),
            (dict(forward="lstm(", modules=[]), "line"), (dict(forward="lstm(x)", modules=["lstm"]), "leave one of them out"),
        ):
            with self.subTest(words):
                self.refused(USAGE, words, plan_of, self.model, **options)
        for options, words in ((dict(dtype="f8"), "use one of"), (dict(format="nam"), "not written"), (dict(timeout=1 << 30), "timeout")):
            with self.subTest(words):
                self.refused(USAGE, words, convert, self.model, self.scratch / "x.rnn", **options)
        self.assertEqual(list(self.scratch.iterdir()), [])

    def test_files(self):
        self.refused(MISSING_INPUT, "No such file", open_model, self.scratch / "none")
        error = self.refused(MISSING_INPUT, "", open_model, os.fsencode(self.scratch) + b"/\xff")
        self.assertEqual(os.fsencode(error.file), os.fsencode(self.scratch) + b"/\xff")
        (self.scratch / "text").write_text("nothing")
        self.refused(BAD_DATA, "", open_model, self.scratch / "text")
        damaged = bytearray(sample("lstm.rnn").read_bytes())
        damaged[-1] ^= 1
        error = self.refused(BAD_DATA, "", open_bytes, bytes(damaged))
        self.assertEqual(error.file, "memory")
        (self.scratch / "old.rnn").write_bytes(b"old")
        self.refused(CANNOT_CREATE, "exists already", convert, self.model, self.scratch / "old.rnn")
        self.assertEqual((self.scratch / "old.rnn").read_bytes(), b"old")
        self.refused(CANNOT_CREATE, "", convert, self.model, self.scratch / "none" / "x.rnn")
        self.refused(USAGE, "extension", convert, self.model, self.scratch / "x.what")
        # A file is a file, whatever its name.
        before = os.getcwd()
        os.chdir(self.scratch)
        try:
            convert(self.model, "-", format="native")
            self.assertEqual(describe(open_model("-"))["format"], "native")
        finally:
            os.chdir(before)

    def test_a_file_at_its_limit_is_an_error(self):
        """SIGXFSZ would end the process; a signal that was blocked or waiting stays as it was."""
        program = f"""
import resource, signal, sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
from library import *
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
model = open_model({str(sample('lstm.rnn'))!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
try:
    convert(model, {str(self.scratch / 'x.rnn')!r})
except Error as error:
    assert signal.SIGXFSZ not in signal.pthread_sigmask(signal.SIG_BLOCK, []) and not signal.sigpending()
    sys.exit(error.kind)
"""
        self.assertEqual(subprocess.run([sys.executable, "-c", program]).returncode, INPUT_OUTPUT)
        self.assertEqual(list(self.scratch.iterdir()), [])

    def test_steps(self):
        runner, state = runner_of(self.plan, 1), state_of(self.plan, 1)
        what = info(self.plan)
        x, y = np.zeros(what.input_size, "float32"), np.zeros(what.output_size, "float32")
        step(runner, state, x, y)
        address = lambda values: pointer(values.ctypes.data)
        def call(which="float32", steps=1, x=x, count=x.size, y=y, out=y.size, state=state):
            check("step_" + which, runner.address, state.address, int64(steps), address(x), size(count), address(y), size(out))
        kept = read_state(state, {"h0": shape_of(self.plan, "hn", 1, 1)}, "float32")["h0"]
        for words, options in {
            "for 0 steps": dict(steps=0), "1 values in and": dict(count=1), "and 1 out for": dict(out=1),
            "and 0 out for": dict(out=0), "the counts are": dict(count=(1 << 64) - 1), "of another plan": dict(state=state_of(self.plan, 2)),
            "lies over the input": dict(y=x),
        }.items():
            with self.subTest(words):
                self.refused(USAGE, words, call, **options)
        for steps in (-1, 1 << 62, (1 << 63) - 1, -(1 << 63)):
            self.refused(USAGE, "steps", call, steps=steps)
        self.refused(USAGE, "float64 input for a plan", call, which="float64", x=np.zeros(x.size), y=np.zeros(y.size))
        self.refused(USAGE, "the input is", call, which="indices_float32", x=np.zeros(x.size, "int64"))
        self.assertTrue(same(kept, read_state(state, {"h0": kept.shape}, "float32")["h0"]))
        whole = plan_of(open_model(sample("gru_bidirectional.rnn")))
        self.refused(USAGE, "needs the whole sequence at once", runner_of, whole)
        embedding = plan_of(embedding_model())
        limit = describe_plan(embedding)["inputs"][0]["indices"]
        runner, state = runner_of(embedding), state_of(embedding, 1)
        y = np.zeros(info(embedding).output_size, "float32")
        for index in (-1, limit, 1 << 62, -(1 << 63)):
            self.refused(BAD_DATA, "is not in the embedding", step, runner, state, np.array([index]), y)
