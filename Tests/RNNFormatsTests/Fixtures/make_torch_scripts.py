"""Writes small TorchScript archives beside the forward lines that their Python says, and what PyTorch computes.

Made with torch 2.15.0; `python3 make_torch_scripts.py [NAME...]` in this folder, all without a name. `torch-script/lines.json` has, for each archive, the
line, or the operation that no line can say. The lines were written from the Python below, not copied from any output.
`torch-script/NAME.npz` holds what goes in, batch-first unless the model is time-first, and the outputs.
"""

import json
import pathlib
import sys
import warnings
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

FOLDER = pathlib.Path(__file__).parent / "torch-script"
warnings.simplefilter("ignore")
Tensor = torch.Tensor


class Module(nn.Module):
    """The modules that most of the models below have."""

    def __init__(self, both=False, first=True, layers=1, cell=nn.LSTM):
        super().__init__()
        self.lstm = cell(3, 4, layers, batch_first=first, bidirectional=both)
        self.fc = nn.Linear(8 if both else 4, 2)


class Last(Module):
    def forward(self, x):
        out, (h, c) = self.lstm(x)
        return self.fc(out[:, -1])


class LastColon(Module):
    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :])


class First(Module):
    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, 0])


class Third(Module):
    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, 2])


class Every(Module):
    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out)


class EveryTimeFirst(Module):
    def __init__(self):
        super().__init__(first=False)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


class LastTimeFirst(EveryTimeFirst):
    def forward(self, x):
        return self.fc(self.lstm(x)[0][-1])


class Turned(EveryTimeFirst):
    """Batch-first from outside, time-first within."""

    def forward(self, x):
        out, _ = self.lstm(x.transpose(0, 1))
        return self.fc(out.permute(1, 0, 2).contiguous())


class WrongAxis(EveryTimeFirst):
    """A mistake that PyTorch does not notice: the last sequence of the batch."""

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


class LastState(Module):
    def forward(self, x):
        _, (h, c) = self.lstm(x)
        return self.fc(h[-1])


class CellState(Module):
    def forward(self, x):
        _, (h, c) = self.lstm(x)
        return self.fc(c[-1, :, :])


class GRUState(Module):
    def __init__(self):
        super().__init__(layers=2, cell=nn.GRU)

    def forward(self, x):
        _, h = self.lstm(x)
        return self.fc(h[0])


class SqueezedState(Module):
    def __init__(self):
        super().__init__(cell=nn.GRU)

    def forward(self, x):
        _, h = self.lstm(x)
        return self.fc(h.squeeze(0))


class BothStates(Module):
    def __init__(self):
        super().__init__(both=True, layers=2)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.fc(torch.cat((h[-2], h[-1]), dim=1))


class BothSteps(Module):
    def __init__(self):
        super().__init__(both=True)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(torch.cat([out[:, -1, :4], out[:, 0, 4:]], -1))


class Skip(Module):
    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out) + x[..., :1]


class SkipTwo(Module):
    """As amplifier models have it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def forward(self, x):
        return self.fc(self.lstm(x)[0]) + x[:, :, 0].unsqueeze(-1)


class Head(Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.2), nn.Linear(5, 2), nn.Sigmoid())

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Functions(Module):
    def forward(self, x):
        out = F.dropout(torch.tanh(self.lstm(x)[0]), 0.3, self.training)
        return F.log_softmax(self.fc(F.relu(out)), dim=-1)


class OwnRelu(Module):
    """A module of the name of a function."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()
        self.out = nn.Linear(2, 1)

    def forward(self, x):
        return self.out(self.relu(self.fc(self.lstm(x)[0])))


class InPlace(Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.fc(self.lstm(x)[0]))


class Overwritten(Module):
    """The sum is of what the activation left, twice."""

    def forward(self, x):
        y = self.fc(self.lstm(x)[0])
        return y + torch.relu_(y)


class Activations(Module):
    def __init__(self):
        super().__init__()
        self.acts = nn.Sequential(nn.LeakyReLU(0.2), nn.ELU(0.5), nn.Softplus(), nn.Hardsigmoid(), nn.Softsign(), nn.Softmax(-1))

    def forward(self, x):
        return self.acts(self.fc(self.lstm(x)[0]))


class Bounds(Module):
    def __init__(self):
        super().__init__()
        self.acts = nn.Sequential(nn.SiLU(), nn.GELU(), nn.GELU(approximate="tanh"), nn.Hardtanh(-0.5, 0.75), nn.ReLU6())

    def forward(self, x):
        y = torch.exp(torch.clamp(self.acts(self.fc(self.lstm(x)[0])), min=-0.25))
        return torch.log(torch.clamp(y, 0.9, 1.1)).clamp(max=0.05)


class PReLU(Module):
    def __init__(self):
        super().__init__()
        self.act = nn.PReLU(2)
        self.out = nn.Linear(2, 1)

    def forward(self, x):
        return self.out(self.act(self.fc(self.lstm(x)[0][:, -1])))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnns = nn.ModuleList([nn.GRU(3, 3, batch_first=True) for _ in range(2)])
        self.fc = nn.Linear(3, 1)

    def forward(self, x):
        for rnn in self.rnns:
            out, _ = rnn(x)
            x = x + out
        return self.fc(x)


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 3)
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.fc = nn.Linear(4, 7)

    def forward(self, tokens):
        out, h = self.gru(self.embed(tokens))
        return self.fc(out), h


class FlatRows(Embedded):
    """Character models as tutorials have them: the steps of all sequences as rows."""

    def forward(self, tokens):
        out, _ = self.gru(self.embed(tokens))
        return self.fc(out.contiguous().view(-1, 4))


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        out, state = self.lstm(x)
        return self.drop(out), state


class Middle(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        return self.inner(x)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Middle()
        self.decoder = nn.Sequential(nn.Linear(4, 2), nn.Identity(), nn.Tanh())

    def forward(self, x):
        out, (h, c) = self.encoder(x)
        return self.decoder(out), (h, c)


class OptionalState(Module):
    def __init__(self):
        super().__init__(cell=nn.GRU)

    def forward(self, x, hx: Optional[Tensor] = None):
        if hx is None:
            hx = torch.zeros(1, x.size(0), 4)
        out, h = self.lstm(x, hx)
        return self.fc(out), h


class Zeros(Module):
    def start(self, x):
        return torch.zeros(1, x.shape[0], 4), torch.zeros(1, x.shape[0], 4, device=x.device)

    def forward(self, x):
        out, _ = self.lstm(x, self.start(x))
        return self.fc(out[:, -1])


class GivenState(Module):
    def forward(self, x, state: Tuple[Tensor, Tensor]):
        out, state = self.lstm(x, state)
        return self.fc(out), state


class Tokens(nn.Module):
    """An embedding and a linear layer that names and shapes would take for each other."""

    def __init__(self, isEmbedding=True):
        super().__init__()
        self.first = nn.Embedding(3, 3) if isEmbedding else nn.Linear(3, 3, bias=False)
        self.gru = nn.GRU(3, 4, batch_first=True)

    def forward(self, x):
        return self.gru(self.first(x))[0]


class Learned(Module):
    def __init__(self):
        super().__init__(cell=nn.GRU)
        self.h0 = nn.Parameter(torch.randn(1, 1, 4))

    def forward(self, x):
        return self.fc(self.lstm(x, self.h0.expand(-1, x.size(0), -1).contiguous())[0])


class Packed(Module):
    def __init__(self):
        super().__init__(both=True)

    def forward(self, x, lengths):
        p = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(p)
        return self.fc(torch.cat([h[0], h[1]], 1))


class PackedEvery(Module):
    def forward(self, x, lengths):
        p = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(p)[0], batch_first=True)
        return self.fc(out)


class PackedLast(Module):
    """The end of the padded axis, not of each sequence."""

    def forward(self, x, lengths):
        p = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(p)[0], batch_first=True)
        return self.fc(out[:, -1])


class Numbers(Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.5))
        self.register_buffer("shift", torch.tensor([0.5, -0.5]))

    def forward(self, x):
        y = self.fc(self.lstm(x)[0])
        return (y * 2 - 0.5) / 4 * self.scale + self.shift


class OneMinus(Module):
    def forward(self, x):
        y = torch.sigmoid(self.fc(self.lstm(x)[0]))
        return y * (1 - y)


class Named(Module):
    def forward(self, x) -> Dict[str, Tensor]:
        out, (h, _) = self.lstm(x)
        return {"steps": self.fc(out), "last": h[-1]}


class Two(Module):
    def __init__(self):
        super().__init__()
        self.other = nn.Linear(4, 3)

    def forward(self, x):
        out, _ = self.lstm(x)
        out = torch.relu(out)
        return self.fc(out), self.other(out[:, -1])


class Tagger(Module):
    """Several outputs, whose names are the variables'."""

    def __init__(self):
        super().__init__()
        self.other = nn.Linear(4, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        tags = self.fc(out)
        score = torch.sigmoid(self.other(out[:, -1]))
        return tags, score


class Reused(Module):
    """One of them a variable that had another value before, one without a name."""

    def forward(self, x):
        out, _ = self.lstm(x)
        out = self.fc(out)
        out = torch.tanh(out)
        return out, torch.relu(out)


class TwoInputs(Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 4, batch_first=True)

    def forward(self, audio, control):
        return self.fc(self.lstm(torch.cat([audio, control], -1))[0])


class Flag(Module):
    def __init__(self, skip=True):
        super().__init__()
        self.skip = skip
        self.mode = "last"

    def forward(self, x):
        out, _ = self.lstm(x)
        y = self.fc(out)
        if self.skip:
            y = y + x[:, :, :2]
        if self.mode == "last":
            y = y[:, -1]
        assert x.dim() == 3
        return y


class Backwards(Module):
    def __init__(self):
        super().__init__()
        self.back = nn.LSTM(3, 4, batch_first=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        a, _ = self.lstm(x)
        b, _ = self.back(torch.flip(x, [1]))
        return self.fc(torch.cat([a, torch.flip(b, dims=[1])], dim=2))


class Repeated(nn.Module):
    """What is known of the whole sequence beside every step."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        out, h = self.gru(x)
        return self.fc(torch.cat([out, h[-1].unsqueeze(1).expand(-1, out.size(1), -1)], -1))


class Halves(Module):
    def forward(self, x):
        a, b = self.lstm(x)[0].chunk(2, -1)
        return a * torch.sigmoid(b)


class Squeezed(Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def forward(self, x):
        return torch.sigmoid(self.fc(self.lstm(x)[0][:, -1])).squeeze(-1)


class Rows(Module):
    """There and back again."""

    def forward(self, x):
        out, _ = self.lstm(x)
        b, t, f = out.shape
        return self.fc(out.reshape(b * t, f)).view(b, t, -1)


class Mean(Module):
    def forward(self, x):
        return self.fc(self.lstm(x)[0].mean(dim=1))


class Attention(Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(4, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        w = torch.softmax(self.score(out), dim=1)
        return self.fc((out * w).sum(1))


class Convolution(Module):
    """A module that no line can run is called all the same."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.fc(self.lstm(self.conv(x.transpose(1, 2)).transpose(1, 2))[0])


class Norm(Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.gelu = nn.GELU()

    def forward(self, x):
        return self.fc(self.gelu(self.norm(self.lstm(x)[0])))


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x):
        h, c = torch.zeros(x.size(0), 4), torch.zeros(x.size(0), 4)
        outputs: List[Tensor] = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            outputs.append(h)
        return torch.stack(outputs, 1)


class SequenceToSequence(Module):
    def __init__(self):
        super().__init__()
        self.decoder = nn.LSTM(3, 4, batch_first=True)

    def forward(self, x):
        _, state = self.lstm(x)
        return self.fc(self.decoder(x, state)[0])


class Cut(Module):
    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, 2:])


class Branch(Module):
    def forward(self, x):
        y = self.fc(self.lstm(x)[0])
        if bool(y.sum() > 0):
            y = -y
        return y


class Relu(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 4, 2, nonlinearity="relu", batch_first=True)
        self.fc = nn.Linear(4, 2, bias=False)

    def forward(self, input):
        return self.fc(self.rnn(input)[0][:, -1])


class Projected(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True, proj_size=2, bidirectional=True)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        return out[..., -2:], c[1]


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)
        self.b = self.a
        self.gru = nn.GRU(3, 3, batch_first=True)

    def forward(self, x):
        return self.b(self.gru(self.a(x))[0])


def sequential():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


X = (2, 5, 3)
BOTH, SCRIPT, TRACE = ("script", "trace"), ("script",), ("trace",)
#: name: (model, line, ways to write it). A line that begins with ! is the operation that is not understood.
MODELS = {
    "last": (Last, "fc(last(lstm(x)))", BOTH),
    "last_colon": (LastColon, "fc(last(lstm(x)))", BOTH),
    "first": (First, "fc(first(lstm(x)))", BOTH),
    "third": (Third, "fc(at(lstm(x), 2))", BOTH),
    "every": (Every, "fc(lstm(x))", BOTH),
    "every_time_first": (EveryTimeFirst, "fc(lstm(x))", BOTH),
    "last_time_first": (LastTimeFirst, "fc(last(lstm(x)))", BOTH),
    "turned": (Turned, "fc(lstm(x))", BOTH),
    "wrong_axis": (WrongAxis, "!torch.select of one sequence of the batch", BOTH),
    "last_state": (LastState, "fc(lstm(x).hn[0])", BOTH),
    "cell_state": (CellState, "fc(lstm(x).cn[0])", BOTH),
    "gru_state": (GRUState, "fc(lstm(x).hn[0])", BOTH),
    "squeezed_state": (SqueezedState, "fc(lstm(x).hn[0])", BOTH),
    "both_states": (BothStates, "a = lstm(x); fc(cat(a.hn[2], a.hn[3]))", BOTH),
    "both_steps": (BothSteps, "a = lstm(x); fc(cat(last(a)[..., :4], first(a)[..., 4:8]))", BOTH),
    "skip": (Skip, "fc(lstm(x)) + x[..., :1]", BOTH),
    "skip_two": (SkipTwo, "fc(lstm(x)) + x[..., :1]", BOTH),
    "head": (Head, "sigmoid(head.3(relu(head.0(last(lstm(x))))))", BOTH),
    "functions": (Functions, "log_softmax(fc(relu(tanh(lstm(x)))))", BOTH),
    "own_relu": (OwnRelu, "out(F.relu(fc(lstm(x))))", BOTH),
    "in_place": (InPlace, "relu(fc(lstm(x)))", BOTH),
    "overwritten": (Overwritten, {"script": "!torch.add of a value that was overwritten in place",
                                  "trace": "a = relu(fc(lstm(x))); a + a"}, BOTH),
    "activations": (
        Activations, "softmax(softsign(hardsigmoid(softplus(elu(leaky_relu(fc(lstm(x)), 0.2), 0.5)))))", BOTH),
    "bounds": (
        Bounds,
        # TorchScript calls relu6 hardtanh with its bounds.
        "clip(log(clip(exp(clip(hardtanh(hardtanh(gelu_tanh(gelu(silu(fc(lstm(x))))), -0.5, 0.75), 0, 6), -0.25, "
        "1.7976931348623157e+308)), 0.9, 1.1)), -1.7976931348623157e+308, 0.05)", BOTH),
    "tokens": (Tokens, 'gru("first"(x))', BOTH),
    "no_tokens": (lambda: Tokens(False), 'gru("first"(x))', BOTH),
    "prelu": (PReLU, "out(act(fc(last(lstm(x)))))", BOTH),
    "residual": (Residual, "a = x + rnns.0(x); fc(a + rnns.1(a))", BOTH),
    "embedded": (Embedded, "fc(gru(embed(x)))", BOTH),
    "flat_rows": (FlatRows, "fc(gru(embed(x)))", BOTH),
    "nested": (Nested, "tanh(decoder.0(encoder.inner.lstm(x)))", BOTH),
    "optional_state": (OptionalState, "fc(lstm(x))", BOTH),
    "zeros": (Zeros, "fc(last(lstm(x)))", BOTH),
    "given_state": (GivenState, "fc(lstm(x))", BOTH),
    "learned": (Learned, "!torch.expand of the tensor h0", BOTH),
    "packed": (Packed, "a = lstm(x); fc(cat(a.hn[0], a.hn[1]))", BOTH),
    "packed_every": (PackedEvery, "fc(lstm(x))", BOTH),
    "packed_last": (PackedLast, "fc(at(lstm(x), -1))", BOTH),
    "numbers": (Numbers, "(fc(lstm(x)) * 2 - 0.5) / 4 * self.scale + self.shift", BOTH),
    "one_minus": (OneMinus, {"script": "a = sigmoid(fc(lstm(x))); a * (-a + 1)",
                             "trace": "a = sigmoid(fc(lstm(x))); a * (1 - a)"}, BOTH),
    "named": (Named, "x -> steps, \"last\"; a = lstm(x); fc(a), a.hn[0]", SCRIPT),
    "two": (Two, "a = relu(lstm(x)); fc(a), other(last(a))", BOTH),
    "tagger": (Tagger, {"script": "x -> tags, score; a = lstm(x); fc(a), sigmoid(other(last(a)))",
                        "trace": "a = lstm(x); fc(a), sigmoid(other(last(a)))"}, BOTH),
    "reused": (Reused, "x -> out, y1; a = tanh(fc(lstm(x))); a, relu(a)", BOTH),
    "two_inputs": (TwoInputs, "audio, control -> _; fc(lstm(cat(audio, control)))", BOTH),
    "flag": (Flag, "last(fc(lstm(x)) + x[..., :2])", BOTH),
    "backwards": (Backwards, "fc(cat(lstm(x), flip(back(flip(x)))))", BOTH),
    "repeated": (Repeated, "a = gru(x); fc(cat(a, a.hn[0]))", BOTH),
    "halves": (Halves, "a = lstm(x); a[..., :2] * sigmoid(a[..., 2:4])", BOTH),
    "squeezed": (Squeezed, "sigmoid(fc(last(lstm(x))))", BOTH),
    "rows": (Rows, "fc(lstm(x))", BOTH),
    "mean": (Mean, "fc(mean(lstm(x), time))", BOTH),
    "attention": (Attention, "a = lstm(x); fc(sum(a * softmax(score(a), time), time))", BOTH),
    "convolution": (Convolution, "fc(lstm(conv(x)))", BOTH),
    "norm": (Norm, "fc(F.gelu(norm(lstm(x))))", BOTH),
    "steps": (Steps, {"script": "!a loop", "trace": "!torch.linear with the tensor cell.weight_hh"}, BOTH),
    "sequence_to_sequence": (SequenceToSequence, "!module decoder with a starting state that the model computes", BOTH),
    "cut": (Cut, "fc(pad(lstm(x), -2, 0))", BOTH),
    "branch": (Branch, "!torch.sum of all axes, or of two values", SCRIPT),
    "relu": (Relu, "fc(last(rnn(x)))", BOTH),
    "projected": (Projected, "a = lstm(x); a[..., 2:4], a.cn[1]", BOTH),
    "shared": (Shared, {"script": "b(gru(a(x)))", "trace": "a(gru(a(x)))"}, BOTH),
    "sequential": (sequential, "\"2\"(tanh(\"0\"(x)))", BOTH),
    "alone": (lambda: nn.LSTM(3, 4, batch_first=True), "\"\"(x)", BOTH),
    "frozen": (lambda: torch.jit.freeze(torch.jit.script(Numbers().eval()), ["scale"]),
               "!torch.lstm with constants, as torch.jit.freeze makes them", SCRIPT),
    "dropping": (lambda: Head().train(), "sigmoid(head.3(relu(head.0(last(lstm(x))))))", BOTH),
}
MORE = {
    "given_state": ((torch.zeros(1, 2, 4), torch.zeros(1, 2, 4)),),
    "two_inputs": (torch.randn(2, 5, 2),),
    "packed": (torch.tensor([3, 5]),), "packed_every": (torch.tensor([3, 5]),), "packed_last": (torch.tensor([3, 5]),),
}


def flat(value):
    if isinstance(value, Tensor):
        return [value]
    return [t for part in (value.values() if isinstance(value, dict) else value) for t in flat(part)]


def main():
    FOLDER.mkdir(exist_ok=True)
    names, lines = sys.argv[1:], {}
    if names:
        lines = json.loads((FOLDER / "lines.json").read_text())
    else:
        for path in FOLDER.iterdir():
            path.unlink()
    for name, (make, line, ways) in MODELS.items():
        if names and name not in names:
            continue
        torch.manual_seed(sum(map(ord, name)))
        model = make()
        if name != "dropping":
            model.eval()
        tokens = {"embedded": 7, "flat_rows": 7, "tokens": 3}.get(name)
        inputs = (torch.randint(0, tokens, X[:2]) if tokens else torch.randn(X), *MORE.get(name, ()))
        for way in ways:
            if isinstance(model, torch.jit.ScriptModule):
                written = model
            elif way == "script":
                written = torch.jit.script(model)
            else:
                written = torch.jit.trace(model, inputs, check_trace=False)
            written.save(str(FOLDER / f"{name}_{way}.pt"))
            lines[f"{name}_{way}"] = line[way] if isinstance(line, dict) else line
        if name != "dropping":
            with torch.no_grad():
                outputs = flat(model(*inputs))
            arrays = {f"input{i}": t.numpy() for i, t in enumerate(flat(inputs))}
            arrays |= {f"output{i}": t.numpy() for i, t in enumerate(outputs)}
            np.savez(FOLDER / f"{name}.npz", **arrays)
    (FOLDER / "lines.json").write_text(json.dumps(lines, indent=0) + "\n")


main()
