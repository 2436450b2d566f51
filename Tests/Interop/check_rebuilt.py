"""Published recurrent models, rebuilt small (rebuilt_models.py): `rnn run` gives their framework's numbers, whole and in pieces.

PyTorch's as a state_dict with the class's own text, as a whole pickle with its forward, scripted, traced, and as ONNX by both
exporters; Keras' as .keras and .h5. Expected is the framework, PyTorch's in float64; allowed is 4 times PyTorch's own error in float32
plus 2e-7. What is not listed as read may be refused, and no number may be another.
"""

import copy
import inspect
import logging
import os
import textwrap
import warnings

os.environ.setdefault("KERAS_BACKEND", "torch")
logging.getLogger("absl").setLevel(logging.ERROR)
logging.getLogger("torch.onnx").setLevel(logging.ERROR)

import numpy as np
import torch

from rebuilt_models import MODELS, build, keras_models

ALL = {"state", "whole", "script", "trace", "onnx", "onnx-dynamo"}
# In which forms each is read.
READ = {
    "BeatNet": {"onnx", "onnx-dynamo"}, "OpenUnmix": {"state", "whole"}, "Silero": {"state", "whole", "onnx", "onnx-dynamo"}, "DTLN": ALL, "DTLNMask": ALL,
    "CRNN": {"trace", "onnx", "onnx-dynamo"}, "MedakaConvLSTM": ALL, "Medaka": ALL - {"state", "whole"}, "DeepSpeech": {"state", "whole"},
}
KERAS = {"ethnicolr", "medaka", "dtln_mask", "dtln", "textgenrnn", "conv_gru"}


def text(cls):
    """The class without what this check has put into it."""
    source = inspect.getsource(cls)
    source = source[:source.index("    @staticmethod")]
    return "\n".join(line for line in source.splitlines() if not line.strip().startswith(("header =", "streams =")))


def write(model, x, folder):
    """Every form that PyTorch can write: a path and options."""
    cls, forms = type(model), {}
    (folder / "class.txt").write_text(f"{cls.header}\n{text(cls)}\n")
    (folder / "forward.txt").write_text(f"{cls.header}\n{textwrap.dedent(inspect.getsource(cls.forward))}\n")
    torch.save(model.state_dict(), folder / "state.pt")
    torch.save(model, folder / "whole.pt")
    forms["state"] = folder / "state.pt", ["--forward", f"@{folder / 'class.txt'}"]
    forms["whole"] = folder / "whole.pt", ["--forward", f"@{folder / 'forward.txt'}"]
    try:
        torch.jit.script(model).save(str(folder / "script.pt"))
        forms["script"] = folder / "script.pt", []
    except Exception:
        # What PyTorch cannot script is no form of it.
        pass
    torch.jit.trace(model, x).save(str(folder / "trace.pt"))
    forms["trace"] = folder / "trace.pt", []
    torch.onnx.export(model, (x,), str(folder / "plain.onnx"), dynamo=False)
    torch.onnx.export(model, (x,), str(folder / "dynamo.onnx"), dynamo=True, verbose=False, external_data=False)
    forms["onnx"], forms["onnx-dynamo"] = (folder / "plain.onnx", []), (folder / "dynamo.onnx", [])
    return forms


def run(command, path, x, *options):
    target = command.folder / "y.npy"
    target.unlink(missing_ok=True)
    np.save(command.folder / "x.npy", x)
    refusal = command("run", path, "--input", command.folder / "x.npy", "--output", target, "--quiet", *options)
    return (None, refusal) if refusal else (np.load(target), None)


def check_pieces(report, command, place, path, x, whole, options):
    """The same bits by pieces of 3 steps, the state carried in a file."""
    parts, state = [], command.folder / "state.npz"
    for start in range(0, x.shape[1], 3):
        more = ["--state-in", state] if start else []
        y, refusal = run(command, path, x[:, start:start + 3], *options, *more, "--state-out", state, "--force")
        if not report.require(refusal is None, f"{place}, in pieces: {refusal}"):
            return
        parts.append(y)
    report.require(np.concatenate(parts, 1).tobytes() == whole.tobytes(), f"{place}: pieces give other bits")


def check_torch(report, command, name):
    model = build(name)
    x = model.example()
    with torch.no_grad():
        single = model(x.clone()).numpy()
        exact = copy.deepcopy(model).double()(x.double()).numpy()
    allowed = 4 * np.abs(single - exact).max() + 2e-7
    worst, read = 0, 0
    for form, (path, options) in write(model, x, command.folder).items():
        place = f"{name}, {form}"
        y, refusal = run(command, path, x.numpy(), *options)
        if refusal:
            report.require(refusal.startswith("rnn: ") and form not in READ[name], f"{place}: {refusal}")
            continue
        ours = y if y.shape == exact.shape else getattr(model, "restored", lambda y: y)(y)
        if report.require(ours.shape == exact.shape, f"{place}: shape {y.shape}, expected {exact.shape}"):
            apart = np.abs(ours - exact).max()
            report.require(apart <= allowed, f"{place}: {apart:.1e} apart, {allowed:.1e} allowed")
            worst, read = max(worst, apart), read + 1
        if getattr(model, "streams", False):
            check_pieces(report, command, place, path, x.numpy(), y, options)
    report.say(f"{name}: {read} forms, at most {worst:.1e} from float64, PyTorch's float32 {np.abs(single - exact).max():.1e}")


def check_keras(report, command):
    for name, (model, x) in keras_models().items():
        expected = np.asarray(model.predict(x, verbose=0))
        for extension in ("keras", "h5"):
            path, place = command.folder / f"model.{extension}", f"{name}, .{extension}"
            model.save(path)
            y, refusal = run(command, path, x)
            if refusal:
                report.require(name not in KERAS, f"{place}: {refusal}")
                continue
            if report.require(y.size == expected.size, f"{place}: shape {y.shape}, expected {expected.shape}"):
                apart = np.abs(y.reshape(expected.shape) - expected).max()
                report.require(apart <= 2e-6, f"{place}: {apart:.1e} apart")


def check(report, command):
    warnings.simplefilter("ignore")
    for name in MODELS:
        check_torch(report, command, name)
    check_keras(report, command)
