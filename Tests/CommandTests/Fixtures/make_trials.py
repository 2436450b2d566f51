"""Writes small state_dicts with what PyTorch gave for one or two inputs, and the line that their Python says.

Made with torch 2.15.0, numpy 2, h5py 3; `python3 make_trials.py` in this folder. `trials/NAME.h5` is written as the README has it;
`trials/lines.json` has for each the line, written from the Python below, or null where no line says it.
"""

import json
import pathlib

import h5py
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

FOLDER = pathlib.Path(__file__).parent / "trials"
T, B = 7, 4


class Net(nn.Module):
    def __init__(self, forward, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.function = forward

    def forward(self, *arguments):
        return self.function(self, *arguments)


def lstm(**more):
    return nn.LSTM(3, 5, **more)


def classifier(hidden, classes=3, width=6):
    return dict(fc1=nn.Linear(hidden, width), fc2=nn.Linear(width, classes))


def packed(m, x, lengths):
    out, (h, _) = m.lstm(pack_padded_sequence(x, lengths, enforce_sorted=False))
    return m.fc(h[-1])


def models():
    x = lambda: (torch.randn(T, B, 3),)
    first = lambda: (torch.randn(B, T, 3),)
    tokens = lambda: (torch.randint(0, 9, (T, B)),)
    yield "every_step", "fc(lstm(x))", x, Net(lambda m, x: m.fc(m.lstm(x)[0]), lstm=lstm(), fc=nn.Linear(5, 4))
    yield "last_step", "fc(last(lstm(x)))", x, Net(lambda m, x: m.fc(m.lstm(x)[0][-1]), lstm=lstm(), fc=nn.Linear(5, 4))
    yield "first_step", "fc(first(lstm(x)))", x, Net(lambda m, x: m.fc(m.lstm(x)[0][0]), lstm=lstm(), fc=nn.Linear(5, 4))
    yield "batch_first", "fc(last(lstm(x)))", first, Net(
        lambda m, x: m.fc(m.lstm(x)[0][:, -1]), lstm=lstm(batch_first=True), fc=nn.Linear(5, 4))
    yield "kept_step", "fc(last(lstm(x)))", first, Net(
        lambda m, x: m.fc(m.lstm(x)[0][:, -1:]), lstm=lstm(batch_first=True), fc=nn.Linear(5, 4))
    yield "states", "fc(cat(gru(x).hn[2], gru(x).hn[3]))", x, Net(
        lambda m, x: m.fc(torch.cat((m.gru(x)[1][-2], m.gru(x)[1][-1]), 1)),
        gru=nn.GRU(3, 4, 2, bidirectional=True), fc=nn.Linear(8, 4))
    yield "last_of_both", "fc(last(gru(x)))", x, Net(
        lambda m, x: m.fc(m.gru(x)[0][-1]), gru=nn.GRU(3, 4, 2, bidirectional=True), fc=nn.Linear(8, 4))
    yield "sum_of_states", "fc(gru(x).hn[0] + gru(x).hn[1])", x, Net(
        lambda m, x: m.fc(m.gru(x)[1][0] + m.gru(x)[1][1]), gru=nn.GRU(3, 4, bidirectional=True), fc=nn.Linear(4, 4))
    yield "all_states", "fc(cat(lstm(x).hn[0], lstm(x).hn[1]))", x, Net(
        lambda m, x: m.fc(m.lstm(x)[1][0].transpose(0, 1).reshape(B, -1)), lstm=lstm(num_layers=2), fc=nn.Linear(10, 4))
    yield "cell_state", "fc(lstm(x).cn[0])", x, Net(lambda m, x: m.fc(m.lstm(x)[1][1][-1]), lstm=lstm(), fc=nn.Linear(5, 4))
    for name, function in (("relu", F.relu), ("tanh", torch.tanh), ("gelu", F.gelu)):
        yield name, f"fc2({name}(fc1(last(lstm(x)))))", x, Net(
            lambda m, x, f=function: m.fc2(f(m.fc1(m.lstm(x)[0][-1]))), lstm=lstm(), **classifier(5))
    yield "nothing_between", "fc2(fc1(lstm(x)))", x, Net(lambda m, x: m.fc2(m.fc1(m.lstm(x)[0])), lstm=lstm(), **classifier(5))
    yield "probabilities", "softmax(fc2(relu(fc1(last(lstm(x))))))", x, Net(
        lambda m, x: F.softmax(m.fc2(F.relu(m.fc1(m.lstm(x)[0][-1]))), -1), lstm=lstm(), **classifier(5))
    yield "tags", "log_softmax(fc(lstm(emb(x))))", tokens, Net(
        lambda m, x: F.log_softmax(m.fc(m.lstm(m.emb(x))[0]), -1), emb=nn.Embedding(9, 3), lstm=lstm(), fc=nn.Linear(5, 4))
    yield "score", "sigmoid(fc(last(lstm(x))))", x, Net(
        lambda m, x: torch.sigmoid(m.fc(m.lstm(x)[0][-1])).squeeze(-1), lstm=lstm(), fc=nn.Linear(5, 1))
    yield "before_the_head", "fc(relu(last(lstm(x))))", x, Net(
        lambda m, x: m.fc(F.relu(m.lstm(x)[0][-1])), lstm=lstm(), fc=nn.Linear(5, 4))
    yield "skip", "fc(lstm(x)) + x[..., :1]", x, Net(lambda m, x: m.fc(m.lstm(x)[0]) + x[..., :1], lstm=lstm(), fc=nn.Linear(5, 1))
    yield "residual", "fc(lstm(x) + x)", x, Net(lambda m, x: m.fc(m.lstm(x)[0] + x), lstm=nn.LSTM(3, 3), fc=nn.Linear(3, 4))
    yield "relu_cell", "fc(last(rnn(x)))", x, Net(
        lambda m, x: m.fc(m.rnn(x)[0][-1]), rnn=nn.RNN(3, 5, nonlinearity="relu"), fc=nn.Linear(5, 4))
    yield "lengths", "fc(last(lstm(x)))", lambda: (torch.randn(T, B, 3), torch.tensor([7, 2, 5, 3])), Net(
        packed, lstm=lstm(), fc=nn.Linear(5, 4))
    yield "mean", None, x, Net(lambda m, x: m.fc(m.lstm(x)[0].mean(0)), lstm=lstm(), fc=nn.Linear(5, 4))
    yield "mean_after_two", None, x, Net(lambda m, x: m.fc2(F.relu(m.fc1(m.lstm(x)[0].mean(0)))), lstm=lstm(), **classifier(5))
    yield "scaled", None, x, Net(lambda m, x: 1.7 * m.fc(m.lstm(x)[0]), lstm=lstm(), fc=nn.Linear(5, 4))


def main():
    FOLDER.mkdir(exist_ok=True)
    lines = {}
    for number, (name, line, inputs, net) in enumerate(models()):
        torch.manual_seed(number)
        for parameter in net.parameters():
            nn.init.normal_(parameter, std=0.6)
        with torch.no_grad(), h5py.File(FOLDER / f"{name}.h5", "w") as file:
            for key, value in net.state_dict().items():
                file[f"state_dict/{key}"] = value.numpy()
            # Two cases tell more than one.
            for case in ("first", "second"):
                given = inputs()
                file[f"cases/{case}/input"] = given[0].numpy()
                if len(given) > 1:
                    file[f"cases/{case}/lengths"] = given[1].numpy()
                file[f"cases/{case}/y"] = net(*given).numpy()
        lines[name] = line
    (FOLDER / "lines.json").write_text(json.dumps(lines, indent=0) + "\n")


if __name__ == "__main__":
    main()
