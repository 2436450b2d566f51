"""Arrow columns against runs of one sequence at a time."""

import subprocess
import sys

import numpy as np
import pytest

import rnnkit

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed here")

from rnnkit import arrow, batches


def sequences(count=40, features=4, seed=0, dtype="float32", least=0):
    random = np.random.default_rng(seed)
    return [random.standard_normal((int(random.integers(least, 12)), features)).astype(dtype) for _ in range(count)]


def column(rows, features=4, fixed=True, large=False, number=pa.float32()):
    step = number if features == 1 else pa.list_(number, features) if fixed else pa.list_(number)
    return pa.array([None if row is None else (row[:, 0] if features == 1 else row).tolist() for row in rows],
                    (pa.large_list if large else pa.list_)(step))


def expected(model, rows, output=None):
    return [None if row is None or len(row) == 0 else model.run(row, outputs=output or model.result) for row in rows]


def same(found, wanted, steps):
    assert len(found) == len(wanted)
    for one, other in zip(pa.array(found).to_pylist(), wanted):
        if other is None:
            assert one is None or steps and one == []
        else:
            assert np.asarray(one, other.dtype).reshape(other.shape).tobytes() == other.tobytes()


@pytest.fixture
def lstm(samples):
    return rnnkit.open(samples / "lstm.rnn")


@pytest.fixture
def last(samples):
    return rnnkit.open(samples / "head_last_step.rnn")


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("rows", [1, 7, 256])
def test_gives_each_sequences_own_bits(lstm, fixed, large, rows):
    given = sequences()
    given[3] = given[17] = None
    same(arrow.run(lstm, column(given, fixed=fixed, large=large), rows=rows), expected(lstm, given), True)


@pytest.mark.parametrize("rows", [1, 7, 256])
def test_gives_one_result_a_sequence(last, rows):
    given = sequences(features=3)
    given[0] = given[39] = None
    found = arrow.run(last, column(given, 3), rows=rows)
    same(found, expected(last, given), False)
    assert pa.array(found).type == pa.list_(pa.field("item", pa.float32()), 4)
    assert pa.array(found).null_count == sum(row is None or len(row) == 0 for row in given)
    states = arrow.run(last, column(given, 3), output="hn")
    same(states, expected(last, given, "hn"), False)


@pytest.mark.parametrize("name", ["head_last_step.rnn", "lstm.rnn", "gru.rnn"])
@pytest.mark.parametrize("rows", [50, 1920])
def test_many_of_one_length_give_each_sequences_own_bits(samples, name, rows):
    """Some of one length that lie side by side, as many that lie apart, and few of a third length."""
    model = rnnkit.open(samples / name)
    features, random = model.inputs[0].shape[-1], np.random.default_rng(6)
    lengths = [5] * 100 + [3, 4] * 100 + [6] * 10 + [0]
    given = [random.standard_normal((length, features)).astype("float32") for length in lengths]
    given[50] = None
    for output in model.members:
        found = arrow.run(model, column(given, features), output=output.name, rows=rows)
        same(found, expected(model, given, output.name), "time" in output.shape)


def test_a_column_without_any_sequence_is_null(last, lstm):
    assert pa.array(arrow.run(last, pa.array([None, None]))).to_pylist() == [None, None]
    assert pa.array(arrow.run(lstm, pa.array([None, None]))).to_pylist() == [None, None]
    assert len(arrow.run(last, pa.array([]))) == 0


def test_reads_slices_chunks_and_other_types(lstm):
    given = sequences(30)
    whole = column(given)
    same(arrow.run(lstm, whole.slice(7, 11)), expected(lstm, given[7:18]), True)
    same(arrow.run(lstm, whole.slice(29)), expected(lstm, given[29:]), True)
    same(arrow.run(lstm, pa.chunked_array([whole.slice(0, 9), whole.slice(9, 0), whole.slice(9)])), expected(lstm, given), True)
    same(arrow.run(lstm, column(given, number=pa.float64())), expected(lstm, [row.astype("float64") for row in given]), True)
    halves = [row.astype("float16") for row in given]
    same(arrow.run(lstm, column(halves, number=pa.float16())), expected(lstm, halves), True)
    assert len(arrow.run(lstm, whole.slice(0, 0))) == 0
    assert len(arrow.run(lstm, pa.chunked_array([], whole.type))) == 0


def test_sequences_of_one_length_are_read_where_they_are(lstm, monkeypatch):
    random = np.random.default_rng(3)
    values = random.standard_normal((20, 6, 4)).astype("float32")
    numbers = pa.array(values.reshape(-1))
    steps = pa.FixedSizeListArray.from_arrays(numbers, 4)
    rows = pa.ListArray.from_arrays(pa.array(np.arange(0, 121, 6), pa.int32()), steps)
    seen, run = [], rnnkit.Model.run
    monkeypatch.setattr(rnnkit.Model, "run", lambda self, x, **rest: seen.append(x) or run(self, x, **rest))
    found = arrow.run(lstm, rows)
    monkeypatch.undo()
    address, size = numbers.buffers()[1].address, values.nbytes
    assert seen and all(address <= x.ctypes.data < address + size and x.base is not None for x in seen)
    same(found, expected(lstm, list(values)), True)
    same(arrow.run(lstm, pa.FixedSizeListArray.from_arrays(steps, 6)), expected(lstm, list(values)), True)


def test_takes_one_feature_and_indices(samples):
    one = rnnkit.open(samples / "sunspots" / "sunspots.rnn")
    given = sequences(features=1, least=1)
    same(arrow.run(one, column(given, 1)), expected(one, given), True)
    words = rnnkit.open(samples / "chain_embedding.rnn")
    random = np.random.default_rng(5)
    rows = [random.integers(0, 12, int(random.integers(1, 9))) for _ in range(20)]
    same(arrow.run(words, pa.array(rows, pa.list_(pa.int64()))), expected(words, rows), True)
    same(arrow.run(words, pa.array(rows, pa.list_(pa.int32()))), expected(words, rows), True)


REFUSED = {
    "numbers": pa.array([1.0, 2.0]), "text": pa.array([["a"]]), "other features": pa.array([[[1.0, 2.0]]]),
    "ragged features": pa.array([[[1.0, 2, 3, 4], [1.0, 2, 3]]]), "null step": pa.array([[[1.0, 2, 3, 4], None]]),
    "null feature": pa.array([[[1.0, 2, 3, None]]]), "dictionary": pa.array([{"a": 1}]), "no column": 3,
}


@pytest.mark.parametrize("what", REFUSED)
def test_other_columns_are_refused(lstm, what):
    with pytest.raises(rnnkit.Error) as caught:
        arrow.run(lstm, REFUSED[what])
    assert caught.value.remedy


def test_a_null_row_hides_what_its_offsets_span(lstm):
    steps = column(sequences(3, least=4)).values
    rows = pa.ListArray.from_arrays(pa.array([0, 2, 4, 6], pa.int32()), steps, mask=pa.array([False, True, False]))
    found = pa.array(arrow.run(lstm, rows)).to_pylist()
    assert found[1] is None and len(found[0]) == len(found[2]) == 2


def test_results_outlive_everything(lstm):
    """Released after the interpreter's own objects are gone, and on another thread."""
    code = """
import sys, threading, pyarrow, rnnkit
from rnnkit import arrow
kept = pyarrow.array(arrow.run(rnnkit.open(sys.argv[1]), pyarrow.array([[[1.0, 2, 3, 4]] * 3] * 5)))
again = pyarrow.array(arrow.run(rnnkit.open(sys.argv[1]), pyarrow.array([[[1.0, 2, 3, 4]] * 3] * 5)))
thread = threading.Thread(target=lambda: globals().pop("again"))
thread.start(); thread.join()
unused = arrow.run(rnnkit.open(sys.argv[1]), pyarrow.array([[[1.0, 2, 3, 4]]])).__arrow_c_array__()
print(kept[4][2][0], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code, lstm.file], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_scores_batches_of_every_kind(last):
    given = sequences(features=3, least=1)
    wanted = expected(last, given)
    scorer = batches.Scorer(last, "x")
    table = pa.table({"id": list(range(40)), "x": column(given, 3)})
    same(scorer(table)["score"], wanted, False)
    same(scorer(table.to_batches()[0]).column("score"), wanted, False)
    found = scorer({"x": np.array([row.tolist() for row in given], dtype=object), "id": np.arange(40)})
    same(pa.array(list(found["score"])).cast(pa.list_(pa.float32())), wanted, False)
    dense = np.stack([row[:1].repeat(5, axis=0) for row in given])
    found = scorer({"x": dense})
    same(pa.array(list(found["score"])).cast(pa.list_(pa.float32())), expected(last, list(dense)), False)
    with pytest.raises(rnnkit.Error, match="no such column"):
        batches.Scorer(last, "y")(table)
    with pytest.raises(rnnkit.Error):
        scorer([1, 2])


def test_scores_data_frames(last, samples):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed here")
    given = sequences(features=3, least=1)
    # NaN goes through the arithmetic and is not a missing row.
    given[4][-1, 1] = np.nan
    index = pandas.Index(range(100, 140))
    for rows in (given, [list(row) for row in given], [row.tolist() for row in given]):
        frame = pandas.DataFrame({"x": pandas.Series(rows, index=index, dtype=object)}, index)
        frame.loc[107, "x"] = None
        frame.loc[109, "x"] = np.nan
        found = batches.Scorer(last, "x")(frame)
        assert list(found.columns) == ["x", "score"] and (found.index == index).all()
        assert found["score"].isna().sum() == 2 and found["score"][107] is None
        wanted = [None if i in (7, 9) else row for i, row in enumerate(given)]
        same(list(found["score"]), expected(last, wanted), False)
    one = rnnkit.open(samples / "sunspots" / "sunspots.rnn", forward="fc(last(rnn(x)))")
    frame = pandas.DataFrame({"x": [[1.0, 2.0], None, [3.0]]})
    found = batches.Scorer(one, "x", "y")(frame)
    assert found["y"].dtype == "float32" and list(found["y"].isna()) == [False, True, False]
