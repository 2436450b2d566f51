"""The official ONNX operator tests of RNN, LSTM and GRU, and of what stands around them, through `rnn run`.

Run are the tests that the PyPI package onnx==1.22.0 ships with their data, whose weights are inputs of
the graph and stand in .pb files of their own; and, made from the formulas of its onnx/backend/test/case/node (the helper
classes there evaluate one forward direction), the reverse and bidirectional directions in both layouts, with bias, initial
states, peepholes and either reset.
"""

import pathlib

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.backend.test.case.node import gru, lstm, rnn

HELPERS = {"RNN": (rnn.RNNHelper, 1), "GRU": (gru.GRUHelper, 3), "LSTM": (lstm.LSTMHelper, 4)}
TOLERANCE = 1e-6


def node_outputs(members, directions, layout):
    """Y, Y_h and Y_c in the operator's shapes."""
    output = members["output"]
    if layout == 0:
        time, batch, features = output.shape
        outputs = {"Y": output.reshape(time, batch, directions, -1).transpose(0, 2, 1, 3)}
    else:
        batch, time, features = output.shape
        outputs = {"Y": output.reshape(batch, time, directions, -1)}
    for key, member in (("Y_h", "hn"), ("Y_c", "cn")):
        if member in members:
            outputs[key] = members[member] if layout == 0 else members[member].swapaxes(0, 1)
    return outputs


def check_test(report, command, name, model, inputs, node, wanted):
    """`rnn run` with each array in a .pb file must give the wanted outputs. Returns the largest error."""
    target = command.folder / "out.npz"
    arguments = [word for path in inputs for word in ("--input", path)]
    refusal = command("run", model, "--output", target, "--force", *arguments)
    report.require(refusal is None, f"{name}: {refusal}")
    if refusal:
        return 0.0
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    directions = 2 if attributes.get("direction") == b"bidirectional" else 1
    results, worst = node_outputs(dict(np.load(target)), directions, attributes.get("layout", 0)), 0.0
    for output, value in wanted.items():
        if results[output].shape != value.shape:
            report.require(False, f"{name}, {output}: shape {results[output].shape}, expected {value.shape}")
            continue
        error = float(np.abs(results[output] - value).max())
        worst = max(worst, error)
        report.require(error <= TOLERANCE, f"{name}, {output}: off by {error:.3g}")
    return worst


def official():
    """Name, model file, input files and wanted outputs of each test that the package ships."""
    source = pathlib.Path(onnx.__file__).parent / "backend/test/data/node"
    for folder in sorted(source.iterdir()):
        if not folder.name.startswith(("test_rnn_", "test_simple_rnn_", "test_lstm_", "test_gru_")):
            continue
        node = onnx.load(folder / "model.onnx").graph.node[0]
        inputs = sorted((folder / "test_data_set_0").glob("input_*.pb"))
        wanted = {}
        for path in (folder / "test_data_set_0").glob("output_*.pb"):
            tensor = onnx.TensorProto()
            tensor.ParseFromString(path.read_bytes())
            wanted[tensor.name] = numpy_helper.to_array(tensor)
        yield folder.name, str(folder / "model.onnx"), inputs, node, wanted


def generated(folder):
    """The same for what the helper classes can be made to evaluate."""
    random = np.random.default_rng(3)
    normal = lambda *shape: (random.standard_normal(shape) * 0.5).astype(np.float32)
    time, batch, size, hidden = 5, 3, 4, 6
    for op, (formulas, gates) in HELPERS.items():
        for direction in ("forward", "reverse", "bidirectional"):
            for layout in (0, 1):
                for reset in (0, 1) if op == "GRU" else (None,):
                    name = f"{op.lower()}_{direction}_layout{layout}" + ("" if reset is None else f"_reset{reset}")
                    count = 2 if direction == "bidirectional" else 1
                    tensors = {"X": normal(time, batch, size), "W": normal(count, gates * hidden, size),
                               "R": normal(count, gates * hidden, hidden), "B": normal(count, 2 * gates * hidden),
                               "initial_h": normal(count, batch, hidden)}
                    if op == "LSTM":
                        tensors |= {"initial_c": normal(count, batch, hidden), "P": normal(count, 3 * hidden)}
                    ys, states = [], []
                    for index in range(count):
                        reverse = direction == "reverse" or index == 1
                        own = {k: v if k == "X" else v[index:index + 1].astype(np.float64) for k, v in tensors.items()}
                        own["X"] = own["X"][::-1] if reverse else own["X"]
                        options = {} if reset is None else {"linear_before_reset": reset}
                        y, y_h = formulas(**own, **options).step()
                        states.append(y_h)
                        ys.append(y[::-1] if reverse else y)
                    wanted = {"Y": np.concatenate(ys, 1), "Y_h": np.concatenate(states, 0)}
                    if layout == 1:
                        wanted = {"Y": wanted["Y"].transpose(2, 0, 1, 3), "Y_h": wanted["Y_h"].swapaxes(0, 1)}
                        for key in ("X", "initial_h", "initial_c"):
                            if key in tensors:
                                tensors[key] = tensors[key].swapaxes(0, 1)
                    order = ["X", "W", "R", "B", "", "initial_h", "initial_c", "P"][:8 if op == "LSTM" else 6]
                    node = helper.make_node(op, order, ["Y", "Y_h"], hidden_size=hidden, direction=direction, layout=layout,
                                            **({} if reset is None else {"linear_before_reset": reset}))
                    graph = helper.make_graph(
                        [node], name,
                        [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, v.shape) for k, v in tensors.items()],
                        [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, v.shape) for k, v in wanted.items()])
                    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
                    onnx.checker.check_model(model, full_check=True)
                    onnx.save(model, f"{folder}/{name}.onnx")
                    paths = []
                    for key, value in tensors.items():
                        paths.append(pathlib.Path(folder) / f"{name}.{key}.pb")
                        paths[-1].write_bytes(numpy_helper.from_array(value, key).SerializeToString())
                    yield name, f"{folder}/{name}.onnx", paths, node, wanted


# Those that a sequence model can hold: one kind of window over up to two axes, of which one is time, norms of channels, and what
# is over the steps.
AROUND = (
    "basic_conv_with_padding basic_conv_without_padding conv_with_strides_and_asymmetric_padding conv_with_strides_no_padding "
    "conv_with_strides_padding averagepool_1d_default averagepool_2d_default averagepool_2d_dilations averagepool_2d_pads "
    "averagepool_2d_pads_count_include_pad averagepool_2d_precomputed_pads averagepool_2d_precomputed_pads_count_include_pad "
    "averagepool_2d_precomputed_strides averagepool_2d_same_lower averagepool_2d_same_upper averagepool_2d_strides "
    "globalaveragepool globalaveragepool_precomputed globalmaxpool globalmaxpool_precomputed maxpool_1d_default maxpool_2d_default "
    "maxpool_2d_dilations maxpool_2d_pads maxpool_2d_precomputed_pads maxpool_2d_precomputed_strides maxpool_2d_same_lower "
    "maxpool_2d_same_upper maxpool_2d_strides softmax_axis_1 batchnorm_example batchnorm_epsilon").split() + [
        f"reduce_{kind}_{form}" for kind in ("max", "mean", "sum")
        for form in ("do_not_keepdims_example", "do_not_keepdims_random", "keepdims_example", "keepdims_random",
                     "negative_axes_keepdims_example", "negative_axes_keepdims_random")]


def check_around(report, command, name):
    """The one output of an operator without a recurrent layer, whose axes a run puts as batch, steps and features."""
    folder = pathlib.Path(onnx.__file__).parent / f"backend/test/data/node/test_{name}"
    inputs = sorted((folder / "test_data_set_0").glob("input_*.pb"))
    target = command.folder / "out.npz"
    refusal = command("run", folder / "model.onnx", "--output", target, "--force",
                      *[word for path in inputs for word in ("--input", path)])
    report.require(refusal is None, f"{name}: {refusal}")
    if refusal:
        return 0.0
    tensor = onnx.TensorProto()
    tensor.ParseFromString((folder / "test_data_set_0/output_0.pb").read_bytes())
    wanted, given = numpy_helper.to_array(tensor), np.load(target)["y"]
    if "softmax" not in name and "reduce" not in name:
        wanted = wanted.swapaxes(1, 2) if wanted.ndim > 2 else wanted
    wanted = wanted.reshape(given.shape)
    error = float(np.abs(given - wanted).max())
    report.require(error <= 1e-5, f"{name}: off by {error:.3g}")
    return error


def check(report, command):
    around = [check_around(report, command, name) for name in AROUND]
    report.say(f"{len(around)} operator tests of onnx {onnx.__version__} of what stands around recurrent layers, "
               f"largest error {max(around):.3g}")
    shipped = [check_test(report, command, *test) for test in official()]
    made = [check_test(report, command, *test) for test in generated(command.folder)]
    report.require(shipped and made, "no tests of the package, or none made")
    report.say(f"{len(shipped)} operator tests of onnx {onnx.__version__} and {len(made)} made from its formulas, "
               f"largest error {max(shipped + made):.3g}")
