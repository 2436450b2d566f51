"""Whole modules of torch.save, by PyTorch 2.15.0: torch-whole/NAME.pt, NAME.npz with x and y, and lines.json with the forward
of each as its class has it; after a "!" what a refusal says of it.

    python make_whole_modules.py torch-whole
"""

import json
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

folder = sys.argv[1]


class Net(nn.Module):
    def __init__(self, **modules):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return eval(self.line.removeprefix("!").split(" | ")[0], {"self": self, "x": x, "F": F, "torch": torch})


def lin(rows=4):
    return nn.Linear(4, rows)


NETS = {
    "sequential": ("self.fc(self.lstm(x)[0][:, -1])", dict(fc=nn.Sequential(lin(), nn.ReLU(), nn.Dropout(0.5), lin(2)))),
    "nested": ("self.head(self.lstm(x)[0])",
               dict(head=nn.Sequential(nn.Sequential(lin(), nn.Tanh()), nn.Identity(), nn.Sequential(lin(2), nn.Sigmoid())))),
    "members": ("self.out(self.fc2(self.act(self.fc1(self.lstm(x)[0]))))",
                dict(fc1=lin(), act=nn.LeakyReLU(0.2), fc2=lin(2), out=nn.GELU(approximate="tanh"))),
    "every": ("self.head(self.lstm(x)[0])", dict(head=nn.Sequential(
        lin(), nn.ReLU(), lin(), nn.Tanh(), lin(), nn.Sigmoid(), lin(), nn.SiLU(), lin(), nn.GELU(), lin(), nn.Softsign(), lin(),
        nn.Softplus(), lin(), nn.Hardsigmoid(), lin(), nn.LeakyReLU(), lin(), nn.ELU(0.7), lin(), nn.Hardtanh(-0.5, 0.75), lin(),
        nn.ReLU6(), lin(), nn.Threshold(0.1, 0), lin(), nn.PReLU(), lin(), nn.LogSoftmax(dim=-1)))),
    "softmax": ("self.softmax(self.fc(self.lstm(x)[0][:, -1]))", dict(fc=lin(3), softmax=nn.Softmax(dim=1))),
    "softmax_by_rank": ("self.softmax(self.fc(self.lstm(x)[0][:, -1]))", dict(fc=lin(3), softmax=nn.Softmax())),
    "softmax_over_time": ("self.softmax(self.fc(self.lstm(x)[0]))", dict(fc=lin(3), softmax=nn.Softmax(dim=1))),
    # A module that has a function's name; the plain word is the function.
    "named_relu": ("self.relu(self.fc(self.lstm(x)[0]))", dict(fc=lin(2), relu=nn.LeakyReLU(0.3))),
    "plain_relu": ("F.relu(self.fc(self.lstm(x)[0]))", dict(fc=lin(2), relu=nn.LeakyReLU(0.3))),
    "celu": ("!self.fc(self.lstm(x)[0]) | fc.1", dict(fc=nn.Sequential(lin(), nn.CELU(0.5), lin(2)))),
    "wide_prelu": ("!self.fc(self.lstm(x)[0][:, -1]) | fc.1", dict(fc=nn.Sequential(lin(), nn.PReLU(4), lin(2)))),
}

lines = {}
torch.manual_seed(5)
for name, (line, modules) in NETS.items():
    net = Net(**modules).eval()
    net.line = line
    x = torch.randn(2, 5, 3)
    with torch.no_grad():
        y = net(x)
    torch.save(net, f"{folder}/{name}.pt")
    np.savez(f"{folder}/{name}.npz", x=x.numpy(), y=y.numpy())
    lines[name] = line
with open(f"{folder}/lines.json", "w") as file:
    json.dump(lines, file, indent=0)
