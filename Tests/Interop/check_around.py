"""What `rnn convert` writes of convolutions, pools, norms and attention, run by the frameworks it is written for.

Every model of Tests/RNNKitTests/Fixtures/around, which PyTorch made: as ONNX, whole and with lengths, by ONNX Runtime. Its numbers
are PyTorch's, and those of `rnn run` for the same file and lengths; and what is read back is the model. As .keras and .h5, where
Keras has the layers, whole by Keras.
"""

import json
import os
import pathlib

import numpy as np
import onnx
import onnxruntime

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "RNNKitTests/Fixtures/around"
# Of an output's largest number.
ALLOWED = 2e-6


def compare(report, place, ours, theirs):
    if not report.require(ours.shape == theirs.shape, f"{place}: shapes {ours.shape} and {theirs.shape}"):
        return
    apart = np.abs(ours.astype(np.float64) - theirs).max() / max(1, np.abs(theirs).max())
    report.require(apart <= ALLOWED, f"{place}: {apart:.1e} apart, {ALLOWED} are allowed")


def lengths(x, batch_first):
    """The first sequence whole, the others shorter."""
    batch, steps = x.shape[:2] if batch_first else x.shape[1::-1]
    return np.array([max(1, steps - 3 * index) for index in range(batch)])


def check_onnx(report, command, name, native, arrays, batch_first):
    path = command.folder / "model.onnx"
    refusal = command("convert", "--quiet", "--force", native, path)
    if not report.require(refusal is None, f"{name}: {refusal}"):
        return
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    x = arrays["input"].astype(np.float32)
    for inputs in ({"input": x}, {"input": x, "lengths": lengths(x, batch_first)}):
        theirs = dict(zip(names, session.run(names, inputs)))
        for key, ours in command.run(native, inputs).items():
            compare(report, f"{name}, {key} of ONNX Runtime, {[*inputs]}", ours, theirs[key])
            if key == ("y" if "y" in names else "output") and "lengths" not in inputs:
                compare(report, f"{name}, {key} of PyTorch", arrays["y"].reshape(ours.shape), theirs[key])
    back = command.folder / "back.rnn"
    refusal = command("convert", "--quiet", "--force", path, back)
    if report.require(refusal is None, f"{name}, read back: {refusal}"):
        report.require(command("diff", native, back) is None, f"{name}: another model is read back")


def check_keras(report, command, name, native, arrays, batch_first):
    """Returns whether Keras has the model's layers."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    path = command.folder / "model.keras"
    if command("convert", "--quiet", "--force", native, path) is not None:
        return False
    whole = command.folder / "model.h5"
    refusal = command("convert", "--quiet", "--force", "--to", "keras-h5", native, whole)
    report.require(refusal is None or "which is no layer" in refusal, f"{name}: .h5: {refusal}")
    x = arrays["input"].astype(np.float32)
    for file in (path, whole) if refusal is None else (path,):
        y = np.asarray(keras.models.load_model(file, compile=False).predict(x if batch_first else x.swapaxes(0, 1), verbose=0))
        expected = arrays["y"] if batch_first or arrays["y"].ndim < 3 else arrays["y"].swapaxes(0, 1)
        compare(report, f"{name}, {file.suffix} by Keras", expected.reshape(y.shape), y)
    return True


def check(report, command):
    onnxruntime.set_default_logger_severity(3)
    cases, by_keras = json.loads((FIXTURES / "cases.json").read_text()), 0
    for name, case in cases.items():
        native = command.folder / "model.rnn"
        options = ["--batch-first"] if case["batch_first"] else []
        refusal = command("convert", "--quiet", "--force", FIXTURES / f"{name}.pt", native, "--forward", case["forward"], *options)
        if not report.require(refusal is None, f"{name}: {refusal}"):
            continue
        arrays = dict(np.load(FIXTURES / f"{name}.npz"))
        check_onnx(report, command, name, native, arrays, case["batch_first"])
        by_keras += check_keras(report, command, name, native, arrays, case["batch_first"])
    report.require(by_keras > 0, "Keras takes none of them")
    report.say(f"{len(cases)} models by ONNX Runtime {onnxruntime.__version__}, {by_keras} by Keras")
