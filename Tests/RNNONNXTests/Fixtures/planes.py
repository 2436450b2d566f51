"""Convolutional fronts as PyTorch's two exporters write them, with ONNX Runtime's numbers.

    python planes.py

Inputs are in the axes of the graph, `want.y` in those of a run. Made with torch 2.13, onnx 1.22, onnxruntime 1.32.
"""

import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn


class Text(nn.Module):
    """Lines of writing: (batch, 1, height, time)."""

    def __init__(self):
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 3, padding=1), nn.PReLU(4), nn.MaxPool2d((2, 1)), nn.Conv2d(4, 4, (2, 1)))
        self.rnn, self.fc = nn.LSTM(4, 3, bidirectional=True, batch_first=True), nn.Linear(6, 5)

    def forward(self, x):
        return self.fc(self.rnn(self.front(x).squeeze(2).permute(0, 2, 1))[0])


class Speech(nn.Module):
    """Spectra: (batch, time, features), of which two convolutions leave a quarter of the steps."""

    def __init__(self, channels_first):
        super().__init__()
        self.channels_first = channels_first
        self.front = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.Conv2d(3, 2, (3, 2), stride=2), nn.GELU())
        self.lin, self.rnn, self.fc = nn.Linear(4, 5), nn.GRU(5, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, x):
        a = self.front(x.unsqueeze(1))
        a = a.transpose(1, 2) if self.channels_first else a.permute(0, 2, 3, 1)
        return self.fc(self.rnn(self.lin(a.flatten(2)))[0])


class Waves(nn.Module):
    """(batch, channels, time), padded and cut as causal stacks are."""

    def __init__(self):
        super().__init__()
        self.pad, self.a, self.b = nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(2, 4, 3), nn.Conv1d(4, 4, 3, dilation=2, padding=4)
        self.rnn, self.fc = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x):
        a = torch.relu(self.a(self.pad(x)))
        a = a + torch.relu(self.b(a)[:, :, :-4])
        return self.fc(self.rnn(a.transpose(1, 2))[0])


class Frames(nn.Module):
    """A convolution within each frame, over its features."""

    def __init__(self):
        super().__init__()
        self.conv, self.lin, self.rnn = nn.Conv1d(1, 2, 3), nn.Linear(6, 4), nn.LSTM(4, 3, batch_first=True)

    def forward(self, x):
        a = torch.max_pool1d(torch.relu(self.conv(x.reshape(-1, 1, x.shape[2]))), 2)
        return self.rnn(self.lin(a.reshape(x.shape[0], x.shape[1], -1)))[0]


def main():
    folder = pathlib.Path(__file__).parent / "planes"
    folder.mkdir(exist_ok=True)
    cases = {"text": (Text(), (2, 1, 8, 12), 3), "speech_channels": (Speech(True), (2, 19, 11), 1),
             "speech_features": (Speech(False), (2, 19, 11), 1), "waves": (Waves(), (2, 2, 14), 2), "frames": (Frames(), (2, 5, 8), 1)}
    torch.manual_seed(5)
    for name, (model, shape, time) in cases.items():
        model = model.eval()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3), module.running_var.uniform_(0.5, 2)
        x = torch.randn(shape)
        for exporter in ("script", "dynamo"):
            path = folder / f"{name}_{exporter}.onnx"
            if exporter == "dynamo":
                sizes = {0: torch.export.Dim("b", min=1, max=64), time: torch.export.Dim("t", min=16 if name == "speech" else 8, max=400)}
                try:
                    torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=(sizes,), external_data=False)
                except Exception:
                    torch.onnx.export(model, (x,), path, dynamo=True, external_data=False)
            else:
                torch.onnx.export(model, (x,), path, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "b", time: "t"}})
            made = onnx.load(path)
            # Where on the exporter's machine each node comes from.
            for node in made.graph.node:
                del node.metadata_props[:]
            onnx.save(made, path)
            session = onnxruntime.InferenceSession(path)
            given = session.get_inputs()[0].name
            arrays = {f"in.{given}": x.numpy(), "want.y": session.run(None, {given: x.numpy()})[0]}
            if name == "frames":
                arrays["want.output"] = arrays.pop("want.y")
            np.savez(folder / f"{name}_{exporter}.npz", **arrays)


main()
