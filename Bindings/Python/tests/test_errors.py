"""Every kind of bad input is an Error with its facts, and nothing is written."""

import pickle

import numpy as np
import pytest

import rnnkit

BAD = {
    "wrong features": (lambda m: m.run(np.zeros((3, 2, 5), "float32")), "BAD_DATA"),
    "axes": (lambda m: m.run(np.zeros(3, "float32")), "BAD_DATA"),
    "no axes": (lambda m: m.run(np.float32(1)), "BAD_DATA"),
    "nine axes": (lambda m: m.run(np.zeros((1,) * 9, "float32")), "USAGE"),
    "complex": (lambda m: m.run(np.zeros((3, 2, 4), "complex64")), "USAGE"),
    "text": (lambda m: m.run(np.array([["a"]])), "USAGE"),
    "objects": (lambda m: m.run(np.array([None])), "USAGE"),
    "nothing": (lambda m: m.run(), "USAGE"),
    "ragged": (lambda m: m.run([[1.0], [1.0, 2.0]]), "USAGE"),
    "masked": (lambda m: m.run(np.ma.zeros((3, 2, 4), "float32")), "USAGE"),
    "unknown input": (lambda m: m.run(other=np.zeros((3, 2, 4), "float32")), "USAGE"),
    "unknown output": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), outputs=["none"]), "USAGE"),
    "no name": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), outputs=[3]), "USAGE"),
    "length too long": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), lengths=[3, 4]), "BAD_DATA"),
    "negative length": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), lengths=[3, -1]), "BAD_DATA"),
    "too few lengths": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), lengths=[3]), "BAD_DATA"),
    "out of another shape": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), out=np.zeros((3, 2, 8), "float32")), "USAGE"),
    "out of another type": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), out=np.zeros((3, 2, 9))), "USAGE"),
    "state of other rows": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), state=m.state(3)), None),
    "unknown state": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), state={"z0": np.zeros(3, "float32")}), None),
    "threads": (lambda m: m.run(np.zeros((3, 2, 4), "float32"), threads=0), "USAGE"),
    "negative batch": (lambda m: m.state(-1), None),
    "stream of other features": (lambda m: m.stream(2)(np.zeros((3, 2, 5), "float32")), "USAGE"),
    "stream without its batch": (lambda m: m.stream(2)(np.zeros((3, 4), "float32")), "USAGE"),
    "stream of integers": (lambda m: m.stream(2)(np.zeros((3, 2, 4), "int64")), "USAGE"),
    "unknown case": (lambda m: m.case("none"), "USAGE"),
    "unknown format": (lambda m: m.save("/nonexistent/x.unknown"), None),
    "unknown dtype": (lambda m: m.save("/nonexistent/x.rnn", dtype="f8"), "USAGE"),
    "no such folder": (lambda m: m.save("/nonexistent/x.rnn"), "CANNOT_CREATE"),
    "no such file": (lambda m: rnnkit.open("/nonexistent"), "MISSING_INPUT"),
    "empty file": (lambda m: rnnkit.open(b""), "BAD_DATA"),
    "no model": (lambda m: rnnkit.open(b"no model at all"), "BAD_DATA"),
    "zero byte": (lambda m: rnnkit.open("a\0b"), "USAGE"),
    "a number": (lambda m: rnnkit.open(3), "USAGE"),
    "modules as text": (lambda m: rnnkit.open("x", modules="lstm"), "USAGE"),
    "precision": (lambda m: rnnkit.open("x", precision="int8"), "USAGE"),
    "nonlinearity": (lambda m: rnnkit.open(m.file, nonlinearity="sine"), "USAGE"),
    "ignore": (lambda m: rnnkit.open(m.file, ignore=["all"]), "USAGE"),
    "forward": (lambda m: rnnkit.open(m.file, forward="nope(x)").run(np.zeros((3, 2, 4), "float32")), None),
}


@pytest.mark.parametrize("what", BAD)
def test_is_refused_with_a_remedy(samples, what):
    action, kind = BAD[what]
    model = rnnkit.open(samples / "lstm.rnn")
    with pytest.raises(rnnkit.Error) as caught:
        action(model)
    error = caught.value
    assert kind is None or error.kind is rnnkit.Kind[kind], error
    assert error.problem and error.remedy and error.remedy in str(error) and "\n" not in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.kind, again.file, again.place) == (str(error), error.kind, error.file, error.place)
    # The model goes on.
    assert model.run(np.zeros((3, 2, 4), "float32")).shape == (3, 2, 9)


def test_a_read_only_array_is_not_written_to(samples):
    out = np.full((3, 2, 9), 7, "float32")
    out.flags.writeable = False
    with pytest.raises(rnnkit.Error, match="read-only"):
        rnnkit.open(samples / "lstm.rnn").run(np.zeros((3, 2, 4), "float32"), out=out)
    assert (out == 7).all()


def test_out_stays_as_it_is_where_a_run_fails(samples):
    out = np.full((3, 2, 9), 7, "float32")
    with pytest.raises(rnnkit.Error):
        rnnkit.open(samples / "lstm.rnn").run(np.zeros((3, 2, 4), "float32"), lengths=[1, 9], out=out)
    assert (out == 7).all()


def test_a_flipped_bit_is_an_error(samples):
    data = bytearray((samples / "lstm.rnn").read_bytes())
    for place in range(0, len(data), 997):
        data[place] ^= 4
        with pytest.raises(rnnkit.Error) as caught:
            rnnkit.open(bytes(data))
        assert caught.value.kind == rnnkit.Kind.BAD_DATA
        data[place] ^= 4


def test_remedies_are_spelled_as_arguments(samples):
    with pytest.raises(rnnkit.Error) as caught:
        rnnkit.open(samples / "lstm.rnn").save(samples / "lstm.rnn")
    assert "force=True" in caught.value.remedy
    with pytest.raises(rnnkit.Error) as caught:
        rnnkit.open(samples / "lstm.rnn", format="nothing")
    assert "--" not in str(caught.value)


def test_the_proposed_modules_run(samples):
    """A remedy, followed to the letter, works."""
    with pytest.raises(rnnkit.Error) as caught:
        rnnkit.open(samples / "seq2seq.rnn").run(np.zeros((3, 2, 5), "float32"))
    assert "modules=" in caught.value.remedy
    assert rnnkit.open(samples / "seq2seq.rnn", modules=["encoder"]).run(np.zeros((3, 2, 5), "float32")).shape == (3, 2, 8)
