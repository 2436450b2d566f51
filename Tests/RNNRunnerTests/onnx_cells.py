"""Writes ONNXCells.swift: small ONNX cells with options that PyTorch has not, and what ONNX Runtime makes of them.

python onnx_cells.py > ONNXCells.swift        (onnx 1.22.0, onnxruntime 1.32.0, numpy)

Weights are in PyTorch's layout and gate order; ONNX's are made from them.
"""
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

STEPS, BATCH, INPUT, HIDDEN = 4, 2, 2, 3
random = np.random.default_rng(7)


def draw(*shape):
    return random.uniform(-1.5, 1.5, shape).astype(np.float32)


def reorder(weight, order):
    """PyTorch's gates, in the order ONNX has them."""
    return np.concatenate([weight[g * HIDDEN:(g + 1) * HIDDEN] for g in order])[None]


def run(op, gates, order, peepholes=None, **attributes):
    w_ih, w_hh, b_ih, b_hh = draw(gates * HIDDEN, INPUT), draw(gates * HIDDEN, HIDDEN), draw(gates * HIDDEN), draw(gates * HIDDEN)
    x, h0, c0 = draw(STEPS, BATCH, INPUT), draw(1, BATCH, HIDDEN), draw(1, BATCH, HIDDEN)
    feeds = {"X": x, "W": reorder(w_ih, order), "R": reorder(w_hh, order),
             "B": np.concatenate([reorder(b_ih, order), reorder(b_hh, order)], axis=1), "h0": h0}
    inputs, outputs = ["X", "W", "R", "B", "", "h0"], ["Y", "Yh"]
    p = None
    if op == "LSTM":
        inputs, outputs, feeds["c0"] = inputs + ["c0"], outputs + ["Yc"], c0
        if peepholes:
            p = draw(3 * HIDDEN)  # i, f, o
            feeds["P"] = reorder(p, [0, 2, 1])  # i, o, f
            inputs.append("P")
    node = helper.make_node(op, inputs, outputs, hidden_size=HIDDEN, **attributes)
    graph = helper.make_graph([node], "g",
                              [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in feeds.items()],
                              [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=9)
    result = onnxruntime.InferenceSession(model.SerializeToString()).run(outputs, feeds)
    return dict(wIH=w_ih, wHH=w_hh, bIH=b_ih, bHH=b_hh, peepholes=p, x=x, h0=h0, c0=c0 if op == "LSTM" else None,
                output=result[0], hn=result[1], cn=result[2] if op == "LSTM" else None)


LSTM, GRU = [0, 3, 1, 2], [1, 0, 2]
CASES = {
    "peepholes": run("LSTM", 4, LSTM, peepholes=True),
    "clip": run("LSTM", 4, LSTM, clip=0.3),
    "inputForget": run("LSTM", 4, LSTM, input_forget=1),
    "peepholesAndClip": run("LSTM", 4, LSTM, peepholes=True, clip=0.4),
    "resetBefore": run("GRU", 3, GRU, linear_before_reset=0),
    "resetAfterClip": run("GRU", 3, GRU, linear_before_reset=1, clip=0.5),
    "activations": run("LSTM", 4, LSTM, activations=["HardSigmoid", "Softsign", "ScaledTanh"],
                       activation_alpha=[0.2, 1.7159], activation_beta=[0.5, 0.6667]),
    "softplusGRU": run("GRU", 3, GRU, linear_before_reset=0, activations=["Sigmoid", "Softplus"]),
    "eluRNN": run("RNN", 1, [0], activations=["Elu"], activation_alpha=[0.8]),
    "leakyRNN": run("RNN", 1, [0], activations=["LeakyRelu"], activation_alpha=[0.1]),
    "thresholdedRNN": run("RNN", 1, [0], activations=["ThresholdedRelu"], activation_alpha=[0.3]),
    "affineRNN": run("RNN", 1, [0], activations=["Affine"], activation_alpha=[0.4], activation_beta=[0.1]),
}

print(f"""// Written by onnx_cells.py with onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}; not by hand.

/// An ONNX cell of {INPUT} inputs and {HIDDEN} units, {STEPS} steps of a batch of {BATCH}, with what ONNX Runtime gave.
struct ONNXCell {{
  var wIH: [Float]
  var wHH: [Float]
  var bIH: [Float]
  var bHH: [Float]
  var peepholes: [Float]
  var x: [Float]
  var h0: [Float]
  var c0: [Float]
  var output: [Float]
  var hn: [Float]
  var cn: [Float]
}}

let onnxCells: [String: ONNXCell] = [""")
for name, case in CASES.items():
    print(f'  "{name}": ONNXCell(')
    members = list(case.items())
    for index, (member, values) in enumerate(members):
        end = "" if index == len(members) - 1 else ","
        numbers = [] if values is None else [str(v) for v in values.ravel()]
        print(f"    {member}: [")
        for start in range(0, len(numbers), 8):
            print("      " + ", ".join(numbers[start:start + 8]) + ",")
        print(f"    ]{end}")
    print("  ),")
print("]")
