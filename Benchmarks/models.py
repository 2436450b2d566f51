"""The models of rows.py, as PyTorch modules of the published sizes with random weights.

A module takes x, and for rows of one step a call the state as further arguments, and returns y and the state. x is
(time, batch, features) where a row is a step, (batch, time, features) where it is a sequence.
"""

import torch
from torch import nn


class Chain(nn.Module):
    """The cells of the table alone."""

    def __init__(self, row):
        super().__init__()
        self.sizes = (2 if row.cell == "LSTM" else 1, (row.layers, row.batch, row.hidden))
        self.rnn = getattr(nn, row.cell)(row.input, row.hidden, row.layers)
        self.head = nn.Linear(row.hidden, 1) if row.step else None

    def state(self):
        count, shape = self.sizes
        return [torch.zeros(shape) for _ in range(count)]

    def forward(self, x, *state):
        state = (state if len(state) == 2 else state[0]) if state else None
        y, state = self.rnn(x, state)
        return self.head(y) if self.head else y, *(state if isinstance(state, tuple) else (state,))


class ConvLSTM(nn.Module):
    """medaka's convolutional front and its LSTM."""

    def __init__(self, row):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(10, 64, 1), nn.Conv1d(64, 128, 17, padding=8)
        self.lstm = nn.LSTM(128, 128, 2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(256, 5)

    def forward(self, x):
        a = torch.relu(self.conv2(torch.relu(self.conv1(x.transpose(1, 2)))))
        return (self.fc(self.lstm(a.transpose(1, 2))[0]),)


class Stacked(nn.Module):
    """One LSTM, whose state is carried, and something around it."""

    def state(self):
        return [torch.zeros(self.lstm.num_layers, 1, self.lstm.hidden_size) for _ in range(2)]

    def recur(self, a, state):
        return self.lstm(a, state if state else None)


class DTLN1(Stacked):
    def __init__(self, row):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(257, 128, 2), nn.Linear(128, 257)

    def forward(self, x, *state):
        a, state = self.recur(x, state)
        return torch.sigmoid(self.fc(a)), *state


class DTLN2(Stacked):
    def __init__(self, row):
        super().__init__()
        self.encode, self.decode = nn.Conv1d(512, 256, 1, bias=False), nn.Conv1d(256, 512, 1, bias=False)
        self.norm = nn.LayerNorm(256, eps=1e-7)
        self.lstm, self.fc = nn.LSTM(256, 128, 2), nn.Linear(128, 256)

    def forward(self, x, *state):
        a = self.encode(x.permute(1, 2, 0)).permute(2, 0, 1)
        b, state = self.recur(self.norm(a), state)
        b = torch.sigmoid(self.fc(b)) * a
        return self.decode(b.permute(1, 2, 0)).permute(2, 0, 1), *state


class SileroDecoder(Stacked):
    def __init__(self, row):
        super().__init__()
        self.lstm, self.conv = nn.LSTM(128, 128), nn.Conv1d(128, 1, 1)

    def forward(self, x, *state):
        a, state = self.recur(x, state)
        return torch.sigmoid(self.conv(torch.relu(a).permute(1, 2, 0)).permute(2, 0, 1)), *state


class WaveNet(nn.Module):
    """Dilated causal convolutions, each with what it needs of the past as its state."""

    def __init__(self, row):
        super().__init__()
        self.first, self.last = nn.Conv1d(1, 16, 1), nn.Conv1d(16, 1, 1)
        self.dilated = nn.ModuleList(nn.Conv1d(16, 16, 3, dilation=2**i) for i in range(10))
        self.mix = nn.ModuleList(nn.Conv1d(16, 16, 1) for _ in range(10))

    def state(self):
        return [torch.zeros(1, 16, 2 * 2**i) for i in range(10)]

    def forward(self, x, *state):
        state = state or [pads.to(x) for pads in self.state()]
        a, contexts = self.first(x.permute(1, 2, 0)), []
        for past, dilated, mix in zip(state, self.dilated, self.mix):
            window = torch.cat((past, a), 2)
            contexts.append(window[:, :, -past.shape[2]:])
            a = a + mix(torch.tanh(dilated(window)))
        return self.last(a).permute(2, 0, 1), *contexts


def module(row):
    torch.manual_seed(row.hidden + row.layers)
    return globals()[row.model or "Chain"](row).eval()
