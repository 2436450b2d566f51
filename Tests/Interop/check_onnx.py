"""What `rnn convert` writes as ONNX: valid by onnx.checker, and run by ONNX Runtime.

Every sample that ONNX can hold. Each case must come out of ONNX Runtime as `rnn run` gives it for the same file.
"""

import numpy as np
import onnx
import onnxruntime

from samples import samples

# What ONNX cannot hold, as the command says it.
REFUSALS = ("ONNX's LSTM has no projection", "the order of its modules is not known", "RNNKit does not know what it computes")
TYPES = {"tensor(float)": "f4", "tensor(double)": "f8", "tensor(int64)": "i8", "tensor(float16)": "f2"}


def replay(session, sample, case):
    """A case by ONNX Runtime, its outputs in the case's shapes."""
    inputs = session.get_inputs() + session.get_overridable_initializers()
    x = case.inputs["input"]
    batch_first = sample.architecture["batch_first"]
    batched = x.ndim == len(next(i for i in inputs if i.name == "input").shape)
    axis = 0 if batch_first else 1
    feed = {}
    for name, value in case.inputs.items():
        if not batched:
            value = np.expand_dims(value, axis if name == "input" else 1)
        feed[name] = value.astype(TYPES[next(i.type for i in inputs if i.name == name)])
    results = {}
    names = [output.name for output in session.get_outputs()]
    for name, value in zip(names, session.run(names, feed)):
        if not batched:
            is_state = name.split(".")[-1] in ("hn", "cn")
            value = value[:, 0] if is_state else value[0] if batch_first or value.ndim == 2 else value[:, 0]
        results[name] = value
    return results


def check(report, command):
    onnxruntime.set_default_logger_severity(3)
    refused, ran, double, skipped = {}, 0, 0, 0
    for sample in samples():
        path, refusal = command.convert(sample, "onnx")
        if refusal:
            reason = next((reason for reason in REFUSALS if reason in refusal), None)
            report.require(reason, f"{sample.name}: {refusal}")
            refused[reason] = refused.get(reason, 0) + 1
            continue
        onnx.checker.check_model(onnx.load(path), full_check=True)
        report.require(True, "")
        if sample.is_double:
            double += 1  # ONNX Runtime has no recurrent operators in float64.
            continue
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        ran += 1
        for case in sample.cases:
            if case.modules or not case.inputs["input"].size:
                skipped += 1  # A part of the graph; a batch of no sequences, on which ONNX Runtime 1.32 crashes.
                continue
            ours, theirs = command.run(path, case.inputs), replay(session, sample, case)
            report.require(ours.keys() == theirs.keys(), f"{case.place}: {[*ours]}, ONNX Runtime {[*theirs]}")
            for member in ours.keys() & theirs.keys():
                report.compare(f"{case.place}, {member}", ours[member], theirs[member], case.exact[member])
    report.say(f"{ran + double} models valid; {ran} run by ONNX Runtime {onnxruntime.__version__}, which has no float64; "
               f"{skipped} cases left out, of parts and of no sequences")
    report.say("refused: " + "; ".join(f"{reason} ({count})" for reason, count in sorted(refused.items())))
    report.judge("ONNX Runtime")
