"""What `rnn convert` writes for Keras, opened with keras.models.load_model and run.

Every sample that Keras can hold, as .keras and as .keras.h5. A case from the zero state goes through `predict`; one from a
given state through the layers one by one, as Keras' Sequential takes no states. Sequences of different lengths go one by
one. The outputs must be what `rnn run` gives for the file.
"""

import logging
import os

os.environ["KERAS_BACKEND"] = "torch"
# It warns of every file that holds no optimizer.
logging.getLogger("absl").setLevel(logging.ERROR)

import keras
import numpy as np

from samples import samples

CONTAINERS = ("keras", "keras.h5")
# What Keras cannot hold, as the command says it.
REFUSALS = ("a projection", "its activations", "what RNNKit does not understand", "nothing says what is computed with them")


def layer_states(model, modules, inputs):
    """The starting states of each recurrent layer, in Keras' order: h and c, forward and then backward."""
    recurrent = [module for module in modules if "hidden_size" in module]
    layers = (layer for layer in model.layers if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional)))
    result = {}
    for module in recurrent:
        label = "" if len(recurrent) == 1 else module["name"] + "."
        given = [inputs[label + key] for key in ("h0", "c0") if label + key in inputs]
        directions = 2 if module.get("bidirectional") else 1
        for index in range(module.get("num_layers", 1)):
            rows = range(index * directions, (index + 1) * directions)
            result[next(layers).name] = [state[row] for row in rows for state in given]
    return result


def run(model, x, states):
    if not any(states.values()):
        return model.predict(x, verbose=0)
    for layer in model.layers:
        own = [keras.ops.convert_to_tensor(state) for state in states.get(layer.name, [])]
        x = layer(x, initial_state=own) if own else layer(x)
    return keras.ops.convert_to_numpy(x)


def replay(model, modules, inputs):
    """The last layer's output for (batch, time, …) inputs; zeros past the end of a sequence, where Keras has nothing."""
    x, states = inputs["input"], layer_states(model, modules, inputs)
    if "lengths" not in inputs:
        return run(model, x, states)
    outputs = [run(model, x[i:i + 1, :length], {name: [state[i:i + 1] for state in own] for name, own in states.items()})
               for i, length in enumerate(inputs["lengths"])]
    return np.concatenate([np.pad(y, ((0, 0), (0, x.shape[1] - y.shape[1]), (0, 0))) for y in outputs])


def batch_first(sample, case):
    """A case's inputs as Keras takes them, (batch, time, …), and what turns an output of the case the same way."""
    x = case.inputs["input"]
    if x.ndim == (1 if sample.architecture["modules"][0]["type"] == "Embedding" else 2):
        states = {key: value[:, None] for key, value in case.inputs.items() if key != "input"}
        return {"input": x[None]} | states, lambda y: y[None]
    if sample.architecture["batch_first"]:
        return case.inputs, lambda y: y
    return case.inputs | {"input": x.swapaxes(0, 1)}, lambda y: y.swapaxes(0, 1)


def check(report, command):
    refused, models, skipped = {}, 0, 0
    for sample in samples():
        for extension in CONTAINERS:
            path, refusal = command.convert(sample, extension)
            if refusal:
                reason = next((reason for reason in REFUSALS if reason in refusal), None)
                report.require(reason, f"{sample.name}.{extension}: {refusal}")
                refused[reason] = refused.get(reason, 0) + 1
                continue
            model = keras.models.load_model(path)
            models += 1
            for case in sample.cases:
                if not case.inputs["input"].size:
                    skipped += 1  # A batch of no sequences, which predict refuses.
                    continue
                inputs, turn = batch_first(sample, case)
                ours, theirs = command.run(path, inputs), replay(model, sample.architecture["modules"], inputs)
                member = "y" if "y" in ours else "output"
                exact, mine = turn(case.exact[member]), ours[member]
                if "lengths" in inputs:
                    # What the head makes of nothing is not Keras' to say.
                    inside = np.arange(mine.shape[1])[None] < inputs["lengths"][:, None]
                    exact, mine = exact * inside[..., None], mine * inside[..., None].astype(mine.dtype)
                # Keras 3.15 takes inputs and multiplies matrices of a float64 model in float32.
                report.compare(f"{case.place}.{extension}, {member}", mine.astype(np.float32), theirs, exact)
    report.say(f"{models} models loaded and run by Keras {keras.__version__}; {skipped} cases of no sequences left out")
    report.say("refused: " + "; ".join(f"{reason} ({count})" for reason, count in sorted(refused.items())))
    report.judge("Keras")
