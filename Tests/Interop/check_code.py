"""The PyTorch class that `rnn convert --code` writes takes the file by load_state_dict(strict=True) and gives the same numbers.

Of the sample models, with every cell that RNNKit has, against the formulas in float64; of random whole models, against the
PyTorch module that they came from; of random Keras models, against Keras."""

import importlib.util
import os
import tempfile
from collections import Counter

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

from check_forwards import Trial
from check_torch import CONTAINERS
from keras_models import model as random_keras_model
from samples import SEED, models, samples

REFUSALS = ["nothing says what is computed", "cannot be run, and so not be written as code", "cannot run this layer"]


def written(command, number, source, *options, extension="pt"):
    """The module that the command writes of a model, its weights loaded; or the line by which it refuses."""
    target, code = command.folder / f"code{number}.{extension}", command.folder / f"code{number}.py"
    if refusal := command("convert", "--quiet", "--force", source, target, "--code", code, *options):
        return None, refusal
    spec = importlib.util.spec_from_file_location(code.stem, code)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Model()
    model.load_state_dict(CONTAINERS[extension](target)[0], strict=True)
    return model.eval(), None


def call(model, x):
    with torch.no_grad():
        y = model(torch.as_tensor(np.ascontiguousarray(x)))
    return [value.numpy() for value in (y if isinstance(y, tuple) else (y,))]


def check_samples(report, command):
    refused, ran = Counter(), 0
    for number, sample in enumerate(samples()):
        extension = [*CONTAINERS][number % len(CONTAINERS)]
        model, refusal = written(command, number, sample.path, extension=extension if extension != "h5" else "pt")
        if refusal:
            reason = next((reason for reason in REFUSALS if reason in refusal), None)
            report.require(reason, f"{sample.name}: {refusal}")
            refused[reason] += 1
            continue
        ran += 1
        for case in sample.cases:
            x, batch_axis = case.inputs["input"], 0 if sample.architecture["batch_first"] else 1
            if case.modules or len(case.inputs) > 1 or not x.size:
                continue
            indices = x.dtype.kind in "iu"
            x = x[..., 0] if indices and x.ndim == 3 else x
            batched = x.ndim == (2 if indices else 3)
            x = x if batched else np.expand_dims(x, batch_axis)
            (theirs,) = call(model, x.astype(np.int64) if indices else x)
            name = "y" if "y" in case.exact else "output"
            ours, exact = command.run(sample.path, case.inputs)[name], case.exact[name]
            if not batched:
                theirs = np.squeeze(theirs, batch_axis if theirs.ndim == 3 else 0)
            report.compare(f"{case.place}, {name}", ours, theirs, exact)
    report.say(f"{ran} sample models; refused: " + "; ".join(f"{reason} ({count})" for reason, count in sorted(refused.items())))
    report.judge("the written class")


def check_modules(report, command, count):
    verdicts = Counter()
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            trial = Trial(command.path, folder, number)
            source, options = trial.write("line")
            model, refusal = written(command, number, source, *options)
        if refusal:
            verdicts["refused: " + refusal[-100:]] += 1
            continue
        x = trial.x.numpy()
        for (name, _), ours in zip(trial.description.outputs, call(model, x)):
            exact = trial.exact[name]
            if report.require(ours.shape == exact.shape, f"{trial.place}, {name}: shape {ours.shape} for {exact.shape}"):
                error = np.abs(ours - exact).max()
                report.require(error <= trial.allowed[name], f"{trial.place}, {name}: {error:.2g} off\n    {trial.description.line!r}")
        verdicts["right"] += 1
    report.require(verdicts["right"] == count, f"{count - verdicts['right']} random modules were refused")
    report.say(f"{count} random modules of seed {SEED}: " + "; ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))


def check_keras(report, command, count):
    random, verdicts = np.random.default_rng(SEED), Counter()
    for number in range(count):
        keras.backend.clear_session()
        try:
            network = random_keras_model(random)
        except ValueError:
            continue
        path = command.folder / "model.keras"
        network.save(path)
        model, refusal = written(command, number, path)
        if refusal:
            verdicts["refused: " + refusal[-60:]] += 1
            continue
        x = random.standard_normal((2, 4, 3)).astype(np.float32)
        (ours,), exact = call(model, x), np.asarray(network.predict(x, verbose=0))
        report.require(ours.shape == exact.shape and np.abs(ours - exact).max() <= 2e-6,
                       f"Keras model {number} of seed {SEED}: {ours.shape}, {exact.shape}")
        verdicts["right"] += 1
    report.require(verdicts["right"] > count // 2, "most Keras models were refused")
    report.say(f"Keras {keras.__version__}: " + "; ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))


def check(report, command):
    check_samples(report, command)
    check_modules(report, command, models() // 5)
    check_keras(report, command, models() // 5)
