"""Arrays of any strides and types, models from memory, threads."""

import json
import threading

import numpy as np

from support import *


class Memory(Scratch):
    def test_reads_models_from_memory(self):
        for name in ("lstm.rnn", "gru.h5", "keras_lstm_softsign.h5"):
            with self.subTest(name):
                data = sample(name).read_bytes()
                by_path, by_bytes = plan_of(open_model(sample(name))), plan_of(open_bytes(data))
                inputs = input_for(describe_plan(by_path))
                a, b = run(by_path, inputs), run(by_bytes, inputs)
                self.assertTrue(all(same(a[member], b[member]) for member in a))
        self.assertEqual(describe(open_bytes(data, b"mine"))["file"], "mine")
        self.refused(BAD_DATA, "memory: the file is empty", open_bytes, b"")

    def test_opens_no_file_that_bytes_name(self):
        index = {"metadata": {}, "weight_map": {"rnn.weight_ih_l0": "a.safetensors"}}
        self.refused(USAGE, "an index in memory does not tell", open_bytes, json.dumps(index).encode())

    def test_takes_any_strides(self):
        plan = plan_of(open_model(sample("rnn_wide_input.rnn")))
        about = describe_plan(plan)
        [(name, x)] = input_for(about, batch=4, steps=6)
        expected = run(plan, [(name, x)])
        padded = np.zeros([n + 3 for n in x.shape], "float32")
        padded[tuple(slice(1, n + 1) for n in x.shape)] = x
        bytes_ = np.zeros(x.nbytes + 1, "uint8")
        odd = bytes_[1:].view("float32").reshape(x.shape)
        odd[...] = x
        views = {
            "transposed": np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0),
            "backwards": np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1],
            "padded": padded[tuple(slice(1, n + 1) for n in x.shape)],
            "misaligned": odd,
            "doubles": x.astype("float64"),
            "columns": np.asfortranarray(x),
        }
        for label, view in views.items():
            with self.subTest(label):
                self.assertTrue(np.array_equal(view, x))
                results = run(plan, [(name, view)])
                self.assertTrue(all(same(results[m], expected[m]) for m in expected))
        # One row for all, by a stride of 0.
        broad = np.broadcast_to(x[:, :1], x.shape)
        self.assertTrue(same(run(plan, [(name, broad)])["output"], run(plan, [(name, np.array(broad))])["output"]))
        # Outputs into parts of larger arrays, and over the input.
        room = {m: np.full([2 * n for n in values.shape], 9, "float32") for m, values in expected.items()}
        run(plan, [(name, x)], outputs={m: values[tuple(slice(None, None, 2) for _ in values.shape)][::-1] for m, values in room.items()})
        for m, values in room.items():
            inside = values[tuple(slice(None, None, 2) for _ in values.shape)][::-1]
            self.assertTrue(np.array_equal(inside, expected[m]), m)
            self.assertEqual((values == 9).sum(), values.size - inside.size)

    def test_outputs_may_lie_over_inputs(self):
        plan = plan_of(open_model(sample("gru.rnn")))
        [(name, x)] = input_for(describe_plan(plan), batch=4, steps=50)
        expected = run(plan, [(name, x)])["output"]
        memory = np.zeros(max(x.size, expected.size), "float32")
        over, under = memory[:x.size].reshape(x.shape), memory[-expected.size:].reshape(expected.shape)
        over[...] = x
        run(plan, [(name, over)], outputs={"output": under})
        self.assertTrue(same(under, expected))

    def test_one_plan_runs_in_many_threads(self):
        plan = plan_of(open_model(sample("lstm_bidirectional.rnn")))
        inputs = [input_for(describe_plan(plan), batch=3, steps=40, seed=seed) for seed in range(8)]
        expected = [run(plan, given) for given in inputs]
        wrong = []
        def work(seed):
            for _ in range(20):
                found = run(plan, inputs[seed], threads=1 + seed % 2)
                wrong.extend(m for m in found if not same(found[m], expected[seed][m]))
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_takes_small_types(self):
        plan = plan_of(open_model(sample("gru.rnn")))
        [(name, x)] = input_for(describe_plan(plan))
        halves = x.astype("float16")
        self.assertTrue(same(run(plan, [(name, halves)])["output"], run(plan, [(name, halves.astype("float32"))])["output"]))
        bits = (x.view("uint32") >> 16).astype("uint16")
        brain = array(name, bits.view("float16"), BFLOAT16)
        self.assertTrue(same(run(plan, [brain])["output"], run(plan, [(name, (bits.astype("uint32") << 16).view("float32"))])["output"]))
        plan = plan_of(open_model(sample("chain_embedding.rnn")))
        [(name, x)] = input_for(describe_plan(plan))
        a, b = run(plan, [(name, x.astype("int32"))]), run(plan, [(name, x)])
        self.assertTrue(all(same(a[m], b[m]) for m in a))

    def test_gives_tensors_and_cases_back(self):
        for name in ("lstm.rnn", "extra_tensors.rnn", "gru_float16.rnn", "gru_bfloat16.rnn", "chain_embedding.rnn"):
            with self.subTest(name):
                convert(open_model(sample(name)), self.scratch / "all.npz", force=1)
                model = open_model(sample(name))
                about = describe(model)
                with np.load(self.scratch / "all.npz") as expected:
                    seen = 0
                    for place, tensors in [(None, about["parameters"] + about["carried"])] + [
                        (case["name"], case["members"]) for case in about["cases"]
                    ]:
                        room = {t["name"]: np.zeros(t["shape"], t["dtype"].replace("bfloat16", "float16")) for t in tensors}
                        types = [BFLOAT16 if t["dtype"] == "bfloat16" else None for t in tensors]
                        read_tensors(model, place, [array(n, v, t) for (n, v), t in zip(room.items(), types)])
                        for tensor, values in room.items():
                            key = next((k for k in (tensor, f"cases/{place}/{tensor}", f"{place}/{tensor}", f"state_dict/{tensor}") if k in expected.files), None)
                            if key is None:
                                continue
                            self.assertEqual(values.tobytes(), expected[key].tobytes(), tensor)
                            seen += 1
                    self.assertGreater(seen, 3, expected.files)
        model = open_model(sample("lstm.rnn"))
        self.refused(USAGE, "there is no such member", read_tensors, model, None, [("nobody", np.zeros(3))])
        self.refused(USAGE, "expected float32", read_tensors, model, None, [(describe(model)["parameters"][0]["name"], np.zeros(3))])
        self.refused(USAGE, "\"none\" is none", read_tensors, model, "none", [])

    def test_a_batch_may_be_empty_or_missing(self):
        plan = plan_of(open_model(sample("lstm.rnn")))
        what = info(plan)
        none = run(plan, [(None, np.zeros((5, 0, what.input_size), "float32"))])
        self.assertEqual(none["output"].shape[1], 0)
        x = np.random.default_rng(5).standard_normal((5, what.input_size)).astype("float32")
        alone, batch = run(plan, [(None, x)]), run(plan, [(None, x[:, None])])
        self.assertTrue(same(alone["output"], np.ascontiguousarray(batch["output"][:, 0])))
        self.assertTrue(same(alone["hn"], np.ascontiguousarray(batch["hn"][:, 0])))

    def test_shapes_are_told_before_a_run(self):
        for path in NATIVE:
            try:
                plan = plan_of(open_model(path))
            except Error:
                continue
            about = describe_plan(plan)
            names = {member["name"] for member in about["members"]}
            self.assertIn(about["result"], names)
            # Every output is filled, so a shape or a name that is not the run's would be an error.
            for member, values in run(plan, input_for(about, batch=2, steps=5)).items():
                self.assertFalse((values == 7).any(), (path.name, member))
