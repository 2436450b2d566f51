"""Models that are more than a chain, as PyTorch's two exporters write them, with PyTorch's numbers (float64, rounded).

    python make.py

`NAME_s` is of torch.onnx.export(dynamo=False), `NAME_d` of dynamo=True. Inputs are `in.NAME`, outputs `want.NAME`, each
under the name that a run of RNNKit gives it. Made with torch 2.15, onnx 1.22.
"""

import logging
import pathlib
import warnings

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
HERE = pathlib.Path(__file__).parent


class Model(nn.Module):
    def __init__(self, forward, **modules):
        super().__init__()
        for name, module in modules.items():
            if isinstance(module, torch.Tensor):
                self.register_buffer(name, module)
            else:
                setattr(self, name, module)
        self.body = forward

    def forward(self, *inputs):
        return self.body(self, *inputs)


def lstm(features=3, hidden=4, **options):
    return nn.LSTM(features, hidden, batch_first=True, **options)


def linear(features, out):
    return nn.Linear(features, out)


MODELS = {
    "mlp": lambda: Model(lambda s, x: s.b(F.relu(s.a(s.rnn(x)[0]))), rnn=lstm(), a=linear(4, 5), b=linear(5, 2)),
    "mlp_of_last": lambda: Model(
        lambda s, x: F.softmax(s.b(F.gelu(s.a(s.rnn(x)[0][:, -1]))), -1),
        rnn=nn.GRU(3, 4, batch_first=True), a=linear(4, 5), b=linear(5, 2)),
    "ends_silu": lambda: Model(
        lambda s, x: F.silu(s.fc(torch.cat([s.rnn(x)[1][0][-2], s.rnn(x)[1][0][-1]], 1))),
        rnn=lstm(bidirectional=True), fc=linear(8, 3)),
    "last_of_both": lambda: Model(
        lambda s, x: s.fc(s.rnn(x)[0][:, -1]), rnn=lstm(bidirectional=True), fc=linear(8, 3)),
    "skip": lambda: Model(lambda s, x: s.rnn(x)[0] * 0.5 + x, rnn=lstm(3, 3)),
    "skips": lambda: Model(
        lambda s, x: s.b(F.elu(s.a(x)) + s.rnn(s.a(x))[0]) - 0.25, rnn=lstm(4, 4), a=linear(3, 4), b=linear(4, 4)),
    "normalized": lambda: Model(
        lambda s, x: s.rnn((x - s.mean) / s.deviation)[0], rnn=lstm(), mean=torch.randn(3), deviation=torch.rand(3) + 0.5),
    "gated": lambda: Model(
        lambda s, x: torch.sigmoid(s.a(s.rnn(x)[0])) * torch.tanh(s.b(s.rnn(x)[0])),
        rnn=lstm(), a=linear(4, 2), b=linear(4, 2)),
    "first_and_third": lambda: Model(
        lambda s, x: s.fc(torch.cat([s.rnn(x)[0][:, 0], s.rnn(x)[0][:, 2]], 1)), rnn=lstm(), fc=linear(8, 2)),
    "turned": lambda: Model(lambda s, x: torch.flip(s.rnn(x)[0], [1]),
                            rnn=lstm()),
    "features": lambda: Model(
        lambda s, x: torch.cat([s.rnn(x)[0][..., 1:3], s.fc(x)], -1), rnn=lstm(), fc=linear(3, 2)),
    "dropout": lambda: Model(
        lambda s, x: F.log_softmax(s.fc(s.drop(s.rnn(x)[0])), -1), rnn=lstm(num_layers=2, dropout=0.3),
        drop=nn.Dropout(0.5), fc=linear(4, 3)),
    "of_first_layer": lambda: Model(
        lambda s, x: s.fc(s.rnn(x)[1][0][0]), rnn=lstm(num_layers=2), fc=linear(4, 3)),
    "of_cell": lambda: Model(lambda s, x: s.fc(s.rnn(x)[1][1][-1]), rnn=lstm(), fc=linear(4, 3)),
}


def strip(path):
    """Keeps of the metadata the modules' names, which a reader looks at."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.doc_string = ""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    onnx.save(model, path)


def main():
    for number, (name, make) in enumerate(MODELS.items()):
        torch.manual_seed(number)
        model = make().eval()
        x = torch.randn(2, 7, 3)
        with torch.no_grad():
            want = model.double()(x.double()).float()
        model.float()
        result = "output" if name == "normalized" else "y"
        for suffix, options in {
            "s": {"dynamo": False, "dynamic_axes": {"x": {0: "batch", 1: "time"}}},
            "d": {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim("batch"), 1: torch.export.Dim("time", min=3)},)},
        }.items():
            path = HERE / f"{name}_{suffix}.onnx"
            if suffix == "d":
                # The exporter names the arguments of *inputs itself.
                options["dynamic_shapes"] = (options["dynamic_shapes"],)
            torch.onnx.export(model, (x,), str(path), input_names=["x"], output_names=["y"], external_data=False, **options)
            strip(path)
            wanted = {f"want.{result}": want.numpy()}
            np.savez(path.with_suffix(".npz"), **{"in.x": x.numpy()}, **wanted)


main()
