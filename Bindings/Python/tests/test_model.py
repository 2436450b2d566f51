"""Opening, running, streaming, verifying and converting."""

import itertools

import numpy as np
import pytest

import rnnkit

SAMPLES = ["lstm", "gru_bidirectional", "rnn_relu", "lstm_float64", "lstm_bfloat16", "gru_float16", "head_last_step",
           "chain_embedding_batch_first", "lstm_cell", "keras_gru_reset_before", "rnn_unbatched", "lengths_lstm"]


def inputs_of(model, time=11, batch=3, seed=0):
    """Random numbers or indices that fit a model's only input."""
    item = model.inputs[0]
    shape = [{"time": time, "batch": batch}.get(axis, axis) for axis in item.shape]
    random = np.random.default_rng(seed)
    return random.standard_normal(shape).astype("float32") if item.indices is None else random.integers(0, item.indices, shape)


def bits(values):
    return values.dtype, values.shape, values.tobytes()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("suffix", [".rnn", ".h5"])
def test_gives_the_bits_of_the_command(samples, command, tmp_path, name, suffix):
    model = rnnkit.open(samples / (name + suffix))
    x = inputs_of(model)
    np.save(tmp_path / "x.npy", x)
    command("run", samples / (name + suffix), "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npz")
    with np.load(tmp_path / "y.npz") as expected:
        found = model.run(x, outputs=[member.name for member in model.members])
        compared = [key for key in expected.files if key in found]
        assert model.members[0].name in found and compared
        for key in compared:
            assert bits(found[key]) == bits(expected[key]), key


@pytest.mark.parametrize("name", SAMPLES)
def test_gives_the_frameworks_outputs(samples, name):
    model = rnnkit.open(samples / (name + ".rnn"))
    verification = model.verify()
    assert verification and verification.holds and verification["cases"]


@pytest.mark.parametrize("name", ["lstm", "chain_embedding_batch_first", "head_last_step"])
def test_bits_do_not_depend_on_batch_threads_or_memory(samples, name):
    model = rnnkit.open(samples / (name + ".rnn"))
    x = inputs_of(model, time=9, batch=6)
    whole = model.run(x)
    assert bits(model.run(x, threads=2)) == bits(whole)
    rows = 0 if model.batch_first else 1
    parts = [model.run(part) for part in np.array_split(x, 3, axis=rows)]
    joined = np.concatenate(parts, axis=dict(model.members)[model.result].index("batch"))
    assert bits(joined) == bits(whole)
    # Strides of any kind are read as they are.
    spaced = np.zeros(tuple(2 * size for size in x.shape), x.dtype)[tuple(slice(None, None, 2) for _ in x.shape)]
    spaced[...] = x
    assert bits(model.run(spaced)) == bits(whole)
    turned = np.ascontiguousarray(x[::-1])[::-1]
    assert bits(model.run(turned)) == bits(whole)


def test_reads_and_writes_arrays_where_they_are(samples):
    model = rnnkit.open(samples / "lstm.rnn")
    x = inputs_of(model)
    expected = model.run(x, outputs=["output", "hn"])
    out = np.full((11, 3, 9), 7, "float32")
    assert model.run(x, out=out) is out
    assert bits(out) == bits(expected["output"])
    # Into every other element, and the rest stays.
    around = np.full((11, 3, 18), 7, "float32")
    model.run(x, out={"output": around[..., ::2]})
    assert bits(np.ascontiguousarray(around[..., ::2])) == bits(out)
    assert (around[..., 1::2] == 7).all()
    x.flags.writeable = False
    assert bits(model.run(x)) == bits(out)


def test_takes_lengths_as_packed_sequences(samples):
    model = rnnkit.open(samples / "lengths_lstm_bidirectional.rnn")
    case = model.describe()["cases"][0]
    features = model.inputs[0].shape[-1]
    x = np.random.default_rng(3).standard_normal((8, 3, features)).astype("float32")
    found = model.run(x, lengths=[8, 3, 1], outputs=["output", "hn"])
    assert case and (found["output"][3:, 1] == 0).all()
    for row, length in enumerate([8, 3, 1]):
        alone = model.run(x[:length, row], outputs=["output", "hn"])
        assert bits(np.ascontiguousarray(found["output"][:length, row])) == bits(alone["output"])
        assert bits(np.ascontiguousarray(found["hn"][:, row])) == bits(alone["hn"])


def test_starts_from_a_state_and_leaves_it(samples, command, tmp_path):
    model = rnnkit.open(samples / "lstm.rnn")
    x = inputs_of(model, time=10)
    whole = model.run(x)
    state = model.state(3)
    parts = [model.run(x[:4], state=state), model.run(x[4:], state=state)]
    assert bits(np.concatenate(parts)) == bits(whole)
    first = model.run(x[:4], outputs=["hn", "cn"])
    again = model.run(x[4:], state={"h0": first["hn"], "c0": first["cn"]})
    assert bits(again) == bits(parts[1])
    # The command goes on with a state that was saved, and the other way round.
    state = model.state(3)
    model.run(x[:4], state=state)
    state.save(tmp_path / "s.npz")
    np.save(tmp_path / "x.npy", x[4:])
    command("run", samples / "lstm.rnn", "--input", tmp_path / "x.npy", "--state-in", tmp_path / "s.npz", "--output",
            tmp_path / "y.npy")
    assert bits(np.load(tmp_path / "y.npy")) == bits(parts[1])
    assert bits(model.run(x[4:], state=model.load_state(tmp_path / "s.npz"))) == bits(parts[1])
    copy = state.copy()
    model.run(x[4:], state=state)
    assert not np.array_equal(copy.arrays()["h0"], state.arrays()["h0"])


@pytest.mark.parametrize("name,batch", list(itertools.product(["lstm", "gru_1_layer", "rnn_batch_first", "rnn_float64",
                                                               "head_last_step", "lstm_cell"], [None, 3])))
def test_streams_give_the_bits_of_a_whole_run(samples, name, batch):
    model = rnnkit.open(samples / (name + ".rnn"))
    x = inputs_of(model, time=10)
    axis = 1 if model.batch_first and batch else 0
    if batch is None:
        x = x[0] if model.batch_first else x[:, 0]
    whole = model.run(x)
    stream = model.stream(batch, chunk=4)
    pieces = [stream(piece) for piece in np.split(x, [1, 7], axis=axis)]
    keeps_time = "time" in dict(model.members)[model.result]
    if keeps_time:
        assert bits(np.ascontiguousarray(np.concatenate(pieces, axis=axis))) == bits(whole)
    else:
        assert bits(pieces[-1]) == bits(whole)
    stream.reset()
    steps = [stream.step(np.take(x, index, axis=axis)) for index in range(10)]
    last = np.take(whole, -1, axis=axis) if keeps_time else whole
    assert bits(np.ascontiguousarray(steps[-1])) == bits(np.ascontiguousarray(last))


def test_a_model_that_is_bidirectional_has_no_stream(samples):
    with pytest.raises(rnnkit.Error) as caught:
        rnnkit.open(samples / "gru_bidirectional.rnn").stream()
    assert caught.value.remedy


def test_says_what_it_is(samples):
    model = rnnkit.open(samples / "head_last_step.rnn")
    assert model.forward == "softmax(fc(last(lstm(x))))"
    assert [step.operation for step in model.steps] == ["lstm", "last", "fc", "softmax"]
    assert [step.inputs for step in model.steps] == [("x",), ("lstm",), ("last",), ("fc",)]
    lines = repr(model).splitlines()
    assert lines[0] == "Model(" and lines[-1] == ")"
    assert lines[1].startswith("  (lstm): LSTM(") and lines[2].startswith("  (fc): Linear(in_features=")
    assert model.shape(time=5, batch=2) == model.run(inputs_of(model, 5, 2)).shape


def test_takes_the_line_the_modules_and_the_axes_from_its_arguments(samples, tmp_path):
    whole = rnnkit.open(samples / "head_last_step.rnn")
    part = rnnkit.open(samples / "head_last_step.rnn", modules=["lstm"])
    assert part.forward == "last(lstm(x))"
    assert rnnkit.open(samples / "head_last_step.rnn", forward="fc(first(lstm(x)))").forward == "fc(first(lstm(x)))"
    weights = {name: np.zeros(item.shape, "float32") for name, item in whole.parameters().items()}
    np.savez(tmp_path / "w.npz", **weights)
    model = rnnkit.open(tmp_path / "w.npz", forward="fc(last(lstm(x)))", batch_first=True)
    assert model.batch_first and rnnkit.open(tmp_path / "w.npz", forward="fc(last(lstm(x)))").batch_first is False
    renamed = {name.replace("lstm.", "enc."): values for name, values in weights.items()}
    np.savez(tmp_path / "r.npz", **renamed)
    renames = {name.replace("lstm.", "enc."): name for name in weights if name.startswith("lstm.")}
    assert rnnkit.open(tmp_path / "r.npz", renames=renames, forward="fc(last(lstm(x)))").forward == "fc(last(lstm(x)))"


def test_what_was_assumed_is_a_warning(samples, tmp_path):
    np.savez(tmp_path / "w.npz", **rnnkit.open(samples / "rnn_1_layer.rnn").parameters())
    with pytest.warns(rnnkit.AssumptionWarning, match="batch_first"):
        model = rnnkit.open(tmp_path / "w.npz")
        model.run(inputs_of(rnnkit.open(samples / "rnn_1_layer.rnn")))
    assert model.notes


def test_opens_bytes(samples):
    data = (samples / "lstm.rnn").read_bytes()
    model = rnnkit.open(samples / "lstm.rnn")
    x = inputs_of(model)
    for kind in (bytes, bytearray, memoryview):
        assert bits(rnnkit.open(kind(data)).run(x)) == bits(model.run(x))
    # HDF5 is read by another program, from memory too.
    assert bits(rnnkit.open((samples / "lstm.h5").read_bytes()).run(x)) == bits(model.run(x))


@pytest.mark.parametrize("target", ["m.onnx", "m.keras", "m.safetensors", "m.npz", "m.pt", "m.h5", "m.rnn"])
def test_converts_to_every_format_and_back(samples, tmp_path, target):
    report = rnnkit.convert(samples / "gru_1_layer.rnn", tmp_path / target)
    assert report["output"].endswith(target)
    model, again = rnnkit.open(samples / "gru_1_layer.rnn"), rnnkit.open(tmp_path / target)
    x = inputs_of(model)
    if again.batch_first != model.batch_first:
        assert bits(np.ascontiguousarray(again.run(np.ascontiguousarray(x.swapaxes(0, 1))).swapaxes(0, 1))) == bits(model.run(x))
    else:
        assert bits(again.run(x)) == bits(model.run(x))


def test_keeps_an_existing_file_unless_told_otherwise(samples, tmp_path):
    target = tmp_path / "m.rnn"
    target.write_text("mine")
    with pytest.raises(rnnkit.Error) as caught:
        rnnkit.convert(samples / "lstm.rnn", target)
    assert caught.value.kind == rnnkit.Kind.CANNOT_CREATE and target.read_text() == "mine"
    assert "force=True" in caught.value.remedy
    rnnkit.convert(samples / "lstm.rnn", target, force=True)
    assert rnnkit.open(target).verify()


def test_reads_parameters_and_cases(samples):
    model = rnnkit.open(samples / "lstm_bfloat16.rnn")
    for item in model.describe()["parameters"]:
        values = model.parameters()[item["name"]]
        assert list(values.shape) == item["shape"]
        assert values.dtype == ("float32" if item["dtype"] == "bfloat16" else item["dtype"])
    model = rnnkit.open(samples / "lstm.rnn")
    case = model.case("state_zero")
    np.testing.assert_allclose(model.run(case["input"]), case["output"], atol=1e-6)


def test_a_case_that_is_added_is_verified(samples, tmp_path):
    model = rnnkit.open(samples / "lstm.rnn")
    x = inputs_of(model)
    right = model.with_case("mine", input=x, output=model.run(x))
    assert right.verify() and len(right.verify()["cases"]) == len(model.verify()["cases"]) + 1
    assert not model.with_case("wrong", input=x, output=model.run(x) + 1).verify()
    right.save(tmp_path / "m.rnn")
    assert "mine" in [case["name"] for case in rnnkit.open(tmp_path / "m.rnn").describe()["cases"]]


def test_an_empty_batch_has_results_of_no_size(samples):
    model = rnnkit.open(samples / "lstm.rnn")
    with pytest.raises(rnnkit.Error, match="no steps"):
        model.run(np.zeros((0, 3, 4), "float32"))
    assert model.run(np.zeros((5, 0, 4), "float32")).shape == (5, 0, 9)


def test_nan_stays_where_arithmetic_takes_it(samples):
    model = rnnkit.open(samples / "lstm.rnn")
    x = inputs_of(model)
    x[4, 1, 0] = np.nan
    y = model.run(x)
    assert np.isnan(y[4:, 1]).any() and not np.isnan(y[:4]).any() and not np.isnan(y[:, [0, 2]]).any()
