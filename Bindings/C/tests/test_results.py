"""The same bits, the same JSON, the same files as the command."""

import json
import os
import sys

import numpy as np

from support import *

WORDS = {
    "--nonlinearity": "options.nonlinearity", "--batch-first": "options.batch_first", "--forward": "options.forward",
    "'rnn verify'": "rnnkit_verify",
}


def in_c(report):
    """The command's report with C's words for what can be said in its notes."""
    def worded(note):
        for option, member in WORDS.items():
            note = note.replace(option, member)
        return note
    return {**report, "notes": [worded(note) for note in report["notes"]]}


class SameAsTheCommand(Scratch):
    def test_runs_give_the_commands_bits(self):
        ran = 0
        for path in NATIVE:
            with self.subTest(path.name):
                model = open_model(path)
                try:
                    plan = plan_of(model)
                except Error as error:
                    # What the command refuses too, in the same words.
                    words = command("run", path, "--input", sample("sunspots/input.csv"), status=error.kind).stderr.decode()
                    self.assertIn(error.problem, words)
                    continue
                inputs = input_for(describe_plan(plan))
                x, y = self.scratch / "x.npz", self.scratch / "y.npz"
                np.savez(x, **dict(inputs))
                command("run", path, "--input", x, "--output", y, "--force")
                results = run(plan, inputs)
                with np.load(y) as expected:
                    self.assertEqual(set(expected.files), set(results))
                    for name in results:
                        self.assertTrue(same(results[name], expected[name]), name)
                self.assertTrue(all(same(a, b) for a, b in zip(results.values(), run(plan, inputs, threads=2).values())))
                ran += 1
        self.assertGreater(ran, 60)

    def test_lengths_states_and_pieces(self):
        for name in ("lengths_gru.rnn", "lengths_lstm_bidirectional.rnn", "chain_three_cells.rnn", "lstm_projection.rnn"):
            with self.subTest(name):
                plan = plan_of(open_model(sample(name)))
                about = describe_plan(plan)
                inputs = input_for(about, batch=3, steps=9)
                random = np.random.default_rng(1)
                states = [(s["name"], random.standard_normal([3 if n == "batch" else n for n in s["shape"]]).astype("float32"))
                          for s in about["states"]]
                members = inputs + states + [("lengths", np.array([9, 2, 5]))]
                np.savez(self.scratch / "x.npz", **dict(members))
                command("run", sample(name), "--input", self.scratch / "x.npz", "--output", self.scratch / "y.npz", "--force")
                results = run(plan, members)
                with np.load(self.scratch / "y.npz") as expected:
                    for member in results:
                        self.assertTrue(same(results[member], expected[member]), member)
                # By a handle, which is left as the run leaves it.
                state = state_of(plan, 3, states)
                again = run(plan, inputs + [("lengths", np.array([9, 2, 5]))], state=state)
                self.assertTrue(all(same(again[member], results[member]) for member in results))
                if not about["streamable"]:
                    continue
                left = read_state(state, {s["name"]: [3 if n == "batch" else n for n in s["shape"]] for s in about["states"]}, "float32")
                for member, values in left.items():
                    self.assertTrue(same(values, results[member[:-2] + {"h0": "hn", "c0": "cn"}[member[-2:]]]))
                # In two pieces, the second of which some sequences do not reach.
                whole = run(plan, inputs + [("lengths", np.array([9, 2, 5]))])
                state = state_of(plan, 3)
                time = about["inputs"][0]["shape"].index("time")
                cut = [np.split(values, [4], axis=time) for _, values in inputs]
                parts = [run(plan, [(n, v[i]) for (n, _), v in zip(inputs, cut)] + [("lengths", np.array(l))], state=state)
                         for i, l in enumerate(([4, 2, 4], [5, 0, 1]))]
                joined = np.concatenate([part["output"] for part in parts], axis=time)
                self.assertTrue(same(joined, whole["output"]))

    def test_reports_and_files_are_the_commands(self):
        for name in ("lstm.rnn", "head_head.rnn", "keras_gru_hard_sigmoid_3.rnn", "extra_tensors.rnn", "gru_float64.rnn"):
            with self.subTest(name):
                path, ours, theirs = sample(name), self.scratch / "ours.onnx", self.scratch / "theirs.onnx"
                model = open_model(path)
                self.assertEqual(describe(model), in_c(json.loads(command("inspect", "--json", path).stdout)))
                holds, report = verify(model)
                self.assertTrue(holds)
                self.assertEqual(report, json.loads(command("verify", "--json", path).stdout))
                for extension, options in ((".safetensors", {}), (".npz", {"no_cases": 1}), (".pt", {"dtype": "bf16"}), (".h5", {})):
                    ours, theirs = self.scratch / f"ours{extension}", self.scratch / f"theirs{extension}"
                    words = [word for key, value in options.items()
                             for word in (["--no-cases"] if key == "no_cases" else [f"--{key}", value])]
                    words = ["convert", "--json", "--force", path, theirs, *words]
                    if name.startswith("keras") and extension != ".h5":
                        # What PyTorch would compute otherwise is refused, in the command's words.
                        error = self.refused(BAD_DATA, "", convert, model, ours, force=1, **options)
                        self.assertIn(error.problem, command(*words, status=error.kind).stderr.decode())
                        continue
                    said = json.loads(command(*words).stdout)
                    report = convert(model, ours, force=1, **options)
                    self.assertEqual({**in_c(said), "output": str(ours)}, report)
                    self.assertEqual(ours.read_bytes(), theirs.read_bytes())

    def test_options_of_open_are_those_of_the_command(self):
        # An Elman network whose file says neither its nonlinearity nor its layout, under names of its own.
        random = np.random.default_rng(3)
        shapes = {"enc_w_ih": (4, 3), "enc_w_hh": (4, 4), "enc_b_ih": (4,), "enc_b_hh": (4,), "fc.weight": (2, 4), "fc.bias": (2,)}
        path = self.scratch / "odd.npz"
        np.savez(path, **{name: random.standard_normal(shape).astype("float32") for name, shape in shapes.items()})
        renames = [f"enc_{a}={'rnn'}.{b}_l0" for a, b in (("w_ih", "weight_ih"), ("w_hh", "weight_hh"), ("b_ih", "bias_ih"), ("b_hh", "bias_hh"))]
        said = dict(renames=renames, nonlinearity="relu", batch_first=1, head_activation="sigmoid", forward="fc(last(rnn(x)))")
        model = open_model(path, **said)
        x = np.random.default_rng(4).standard_normal((2, 5, 3)).astype("float32")
        np.save(self.scratch / "x.npy", x)
        words = [w for r in renames for w in ("--rename", r)]
        words += ["--nonlinearity", "relu", "--batch-first", "--head-activation", "sigmoid", "--forward", "fc(last(rnn(x)))"]
        command("run", path, "--input", self.scratch / "x.npy", "--output", self.scratch / "y.npy", *words)
        y = run(plan_of(model), [(None, x)], names=["y"])["y"]
        self.assertTrue(same(y, np.load(self.scratch / "y.npy")))
        self.assertEqual(describe_plan(plan_of(model))["forward"], "sigmoid(fc(last(rnn(x))))")
        # What was assumed, and what a run leaves out, is said as the command says it.
        for file, options in ((path, dict(renames=renames)), (sample("extra_tensors.rnn"), {})):
            notes = describe_plan(plan_of(open_model(file, **options)))["notes"]
            given = self.scratch / "notes.npz"
            np.savez(given, **dict(input_for(describe_plan(plan_of(open_model(file, **options))))))
            words = [w for r in options.get("renames", []) for w in ("--rename", r)]
            said = command("run", file, "--input", given, "--output", self.scratch / "notes.npy", "--force", *words).stderr.decode()
            self.assertEqual(in_c({"notes": [line.split(f"{file}: ", 1)[1] for line in said.splitlines()]})["notes"], notes)
            self.assertTrue(notes)
        # Another forward, and modules alone, of the same model.
        other = plan_of(model, forward="rnn(x)")
        self.assertEqual(shape_of(other, None, 5, 2), (2, 5, 4))
        alone = plan_of(model, modules=["rnn"])
        self.assertTrue(same(run(other, [(None, x)])["output"], run(alone, [(None, x)])["output"]))
        part = plan_of(open_model(path, renames=renames, nonlinearity="relu", batch_first=1, modules=["rnn"]))
        self.assertTrue(same(run(part, [(None, x)])["output"], run(alone, [(None, x)])["output"]))
        doubled = plan_of(model, precision=FLOAT64)
        self.assertEqual(info(doubled).precision, FLOAT64)
        self.assertEqual(run(doubled, [(None, x)], names=["y"])["y"].dtype, np.float64)

    def test_states_are_kept_as_the_command_keeps_them(self):
        for name in ("lstm.rnn", "chain_three_cells.rnn"):
            with self.subTest(name):
                plan = plan_of(open_model(sample(name)))
                inputs = input_for(describe_plan(plan), batch=2)
                np.savez(self.scratch / "x.npz", **dict(inputs))
                theirs, ours = self.scratch / f"theirs-{name}.npz", self.scratch / f"ours-{name}.npz"
                command("run", sample(name), "--input", self.scratch / "x.npz", "--state-out", theirs, "--output", self.scratch / "y.npz", "--force")
                state = state_of(plan, 2)
                run(plan, inputs, state=state)
                check("state_save", state.address, os.fsencode(ours), int32(0))
                self.assertEqual(ours.read_bytes(), theirs.read_bytes())
                self.refused(CANNOT_CREATE, "exists already", check, "state_save", state.address, os.fsencode(ours), int32(0))
                loaded = Handle("state", check("state_load", plan.address, os.fsencode(theirs)))
                self.assertEqual(lib.rnnkit_state_batch(loaded.address), 2)
                a, b = run(plan, inputs, state=loaded), run(plan, inputs, state=state)
                self.assertTrue(all(same(a[member], b[member]) for member in a))

    def test_steps_are_the_whole_runs(self):
        for name, precision in (
            ("lstm.rnn", 0), ("gru_float64.rnn", 0), ("head_last_step.rnn", 0), ("embedding", FLOAT32), ("embedding", FLOAT64),
        ):
            with self.subTest(name):
                model = embedding_model() if name == "embedding" else open_model(sample(name))
                plan = plan_of(model, precision=precision)
                about, what = describe_plan(plan), info(plan)
                [(member, x)] = input_for(about, batch=2, steps=12)
                if about["batch_first"]:
                    x = np.ascontiguousarray(np.swapaxes(x, 0, 1))
                    whole = run(plan, [(member, np.swapaxes(x, 0, 1))])
                else:
                    whole = run(plan, [(member, x)])
                expected = whole[about["result"]]
                if about["batch_first"] and not what.ends_in_last_step:
                    expected = np.swapaxes(expected, 0, 1)
                runner, state = runner_of(plan, 2, 5), state_of(plan, 2)
                sizes = (2, what.output_size) if what.ends_in_last_step else (12, 2, what.output_size)
                y = np.zeros(sizes, about["precision"])
                first = np.zeros_like(y[..., :2, :]) if what.ends_in_last_step else y[:7]
                step(runner, state, x[:7], first, 7)
                rest = y if what.ends_in_last_step else y[7:]
                copy = Handle("state", check("state_copy", state.address))
                step(runner, state, x[7:], rest, 5)
                self.assertTrue(same(y, np.ascontiguousarray(expected)))
                # The copy is not the original's.
                again = np.zeros_like(rest)
                step(runner, copy, x[7:], again, 5)
                self.assertTrue(same(again, np.ascontiguousarray(rest)))


class Cases(Scratch):
    def test_keeps_a_case_and_replays_it(self):
        model = open_model(sample("gru.rnn"))
        plan = plan_of(model)
        inputs = input_for(describe_plan(plan))
        results = run(plan, inputs)
        members = arrays(inputs + list(results.items()))
        def with_case(name):
            return Handle("model", check("model_with_case", model.address, name, members, size(len(members.kept))))
        more = with_case(b"mine")
        for values in results.values():
            values[...] = 0  # they were copied
        holds, report = verify(more)
        self.assertTrue(holds)
        self.assertEqual([case["name"] for case in report["cases"]][-1], "mine")
        self.assertEqual([case["name"] for case in verify(model)[1]["cases"]], [case["name"] for case in report["cases"]][:-1])
        convert(more, self.scratch / "more.rnn")
        self.assertEqual(command("verify", self.scratch / "more.rnn").returncode, 0)
        holds, _ = verify(with_case(b"wrong"))
        self.assertFalse(holds)
        self.refused(USAGE, "has a case named", check, "model_with_case", more.address, b"mine", members, size(len(members.kept)))
        bare = self.scratch / "bare.rnn"
        convert(model, bare, no_cases=1)
        self.refused(BAD_DATA, "no reference case", verify, open_model(bare))


class Texts(Scratch):
    def test_version(self):
        version = lib.rnnkit_version().decode()
        header = (pathlib.Path(PREFIX) / "include/rnnkit.h").read_text()
        numbers = [next(line.split()[2] for line in header.splitlines() if line.startswith(f"#define RNNKIT_VERSION_{part} "))
                   for part in ("MAJOR", "MINOR", "PATCH")]
        self.assertEqual(version, ".".join(numbers))
        self.assertEqual(version, command("--version").stdout.decode().split()[1])

    def test_plans_keep_to_their_schema(self):
        sys.path.insert(0, str(SCHEMAS))
        try:
            import validate
        except ImportError as error:
            self.skipTest(f"no jsonschema: {error}")
        seen = 0
        for path in NATIVE:
            try:
                about = describe_plan(plan_of(open_model(path)))
            except Error:
                continue
            self.assertEqual(validate.problems(about, "plan"), [], path.name)
            seen += 1
        self.assertGreater(seen, 60)
