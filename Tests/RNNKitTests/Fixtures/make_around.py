"""Makes around/: small PyTorch modules of what stands around recurrent layers, with what they compute.

    python make_around.py

For each case NAME.pt is the state_dict, NAME.npz the input, PyTorch's float32 `y` and `y64`, the same module in float64;
cases.json has the forward with its declarations. Made with PyTorch 2.15.0 and NumPy 2.4 on x86-64.
"""
import copy
import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "around")
cases = {}


def randomize(module, generator):
    for name, value in module.state_dict().items():
        if not value.dtype.is_floating_point:
            continue
        bound = 0.5 if value.dim() > 1 else 0.8
        with torch.no_grad():
            value.copy_(torch.rand(value.shape, generator=generator) * 2 * bound - bound)
            if name.endswith("running_var"):
                value.copy_(value.abs() + 0.2)


def case(name, module, forward, line, *, steps=11, batch=3, features=4, batch_first=True, channels_first=False, whole=False):
    """`forward(module, x)` of x (batch, time, features), or (batch, features, time) where channels come first there. `whole`:
    the module itself is saved, with what its Sequentials hold."""
    generator = torch.Generator().manual_seed(len(cases) + 1)
    randomize(module, generator)
    module.eval()
    shape = (batch, steps, features) if batch_first else (steps, batch, features)
    x = torch.rand(shape, generator=generator) * 4 - 2
    given = x.transpose(1, 2) if channels_first else x
    with torch.no_grad():
        y = forward(module, given)
        y64 = forward(copy.deepcopy(module).double(), given.double())
    torch.save(module if whole else module.state_dict(), os.path.join(HERE, name + ".pt"))
    np.savez(os.path.join(HERE, name + ".npz"), input=x.numpy(), y=y.numpy(), y64=y64.numpy())
    cases[name] = {"forward": line, "batch_first": batch_first}


class Net(nn.Module):
    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)


def lstm(features, hidden=6, **options):
    return nn.LSTM(features, hidden, batch_first=True, **options)


def norms():
    case("batch_norm", Net(bn=nn.BatchNorm1d(4), lstm=lstm(4), fc=nn.Linear(6, 2)),
         lambda m, x: m.fc(m.lstm(m.bn(x.transpose(1, 2)).transpose(1, 2))[0]), "fc(lstm(bn(x)))")
    case("batch_norm_eps", Net(lstm=lstm(4), bn=nn.BatchNorm1d(6, eps=0.02, affine=False), fc=nn.Linear(6, 2)),
         lambda m, x: m.fc(m.bn(m.lstm(x)[0][:, -1])), "bn = BatchNorm1d(eps=0.02, affine=False); fc(bn(last(lstm(x))))")
    case("layer_norm", Net(lstm=lstm(4, 37), ln=nn.LayerNorm(37), fc=nn.Linear(37, 2)),
         lambda m, x: m.fc(m.ln(m.lstm(x)[0])), "fc(ln(lstm(x)))")
    case("layer_norm_declared", Net(norm=nn.LayerNorm(4, eps=1e-3, bias=False), lstm=lstm(4)),
         lambda m, x: m.lstm(m.norm(x))[0], "self.norm = nn.LayerNorm(4, 1e-3, bias=False)\nlstm(norm(x))")
    case("group_norm", Net(norm=nn.GroupNorm(1, 4), lstm=lstm(4)),
         lambda m, x: m.lstm(m.norm(x.transpose(1, 2)).transpose(1, 2))[0], "norm = GroupNorm(1, 4); lstm(norm(x))", steps=70)
    case("group_norm_of_a_step", Net(lstm=lstm(4), norm=nn.GroupNorm(1, 6)),
         lambda m, x: m.norm(m.lstm(x)[1][0][-1]), "norm = nn.GroupNorm(num_groups=1, num_channels=6); norm(lstm(x).hn[-1])")
    case("rms_norm", Net(norm=nn.RMSNorm(4), lstm=lstm(4), out=nn.RMSNorm(6, eps=0.1)),
         lambda m, x: m.out(m.lstm(m.norm(x))[0]), "norm = RMSNorm(); out = RMSNorm(eps=0.1); out(lstm(norm(x)))", batch_first=True)
    case("time_first", Net(ln=nn.LayerNorm(4), lstm=nn.LSTM(4, 3)),
         lambda m, x: m.lstm(m.ln(x))[0].mean(0), "lstm(ln(x))[0].mean(0)", batch_first=False)


def over_time():
    bi = lstm(4, 3, bidirectional=True)
    case("attention_pooling", Net(lstm=bi, score=nn.Linear(6, 1), fc=nn.Linear(6, 2)),
         lambda m, x: (lambda a: m.fc((F.softmax(m.score(a), dim=1) * a).sum(1)))(m.lstm(x)[0]),
         "a = lstm(x); fc(sum(softmax(score(a), time) * a, time))", steps=45)
    case("attention_spelled", Net(lstm=lstm(4), att=nn.Linear(6, 5), v=nn.Linear(5, 1, bias=False), fc=nn.Linear(6, 2)),
         lambda m, x: (lambda a: m.fc(torch.sum(torch.softmax(m.v(torch.tanh(m.att(a))), dim=1) * a, dim=1)))(m.lstm(x)[0]),
         "a, _ = self.lstm(x); w = torch.softmax(self.v(torch.tanh(self.att(a))), dim=1); return self.fc(torch.sum(w * a, dim=1))")
    case("pooled", Net(lstm=lstm(4), fc=nn.Linear(12, 2)),
         lambda m, x: (lambda a: m.fc(torch.cat((a.mean(1), a.max(1)[0]), -1)))(m.lstm(x)[0]),
         "a = lstm(x)[0]; fc(torch.cat((a.mean(1), a.max(1)[0]), -1))")
    case("repeated", Net(encoder=lstm(4, 5), decoder=lstm(5, 3), fc=nn.Linear(3, 4)),
         lambda m, x: m.fc(m.decoder(m.encoder(x)[1][0][-1].unsqueeze(1).repeat(1, x.shape[1], 1))[0]),
         "fc(decoder(repeat(encoder(x).hn[-1], x)))")


def windows():
    turn = lambda a: a.transpose(1, 2)
    case("conv_same", Net(conv=nn.Conv1d(4, 5, 3, padding=1), lstm=lstm(5)),
         lambda m, x: m.lstm(turn(m.conv(turn(x))))[0], "conv = Conv1d(padding=1); lstm(conv(x))")
    case("conv_stride", Net(conv=nn.Conv1d(4, 40, 5, stride=2, padding=2, bias=False), bn=nn.BatchNorm1d(40), gru=nn.GRU(40, 3, batch_first=True)),
         lambda m, x: m.gru(turn(torch.relu(m.bn(m.conv(turn(x))))))[0],
         "self.conv = nn.Conv1d(4, 40, 5, stride=2, padding=2, bias=False)\ngru(torch.relu(bn(conv(x.transpose(1, 2)))).transpose(1, 2))", steps=30)
    case("conv_channels_first", Net(conv=nn.Conv1d(4, 6, 4, dilation=2), lstm=lstm(6)),
         lambda m, x: m.lstm(F.max_pool1d(torch.relu(m.conv(x)), 2).permute(0, 2, 1))[0][:, -1],
         "conv = Conv1d(dilation=2); a = F.max_pool1d(torch.relu(conv(x)), 2); out, _ = lstm(a.permute(0, 2, 1)); out[:, -1]",
         steps=25, channels_first=True)
    case("conv_groups", Net(conv=nn.Conv1d(4, 4, 3, groups=4, padding="same"), point=nn.Conv1d(4, 7, 1), lstm=lstm(7)),
         lambda m, x: m.lstm(turn(m.point(m.conv(turn(x)))))[0], "conv = Conv1d(groups=4, padding='same'); point = Conv1d(); lstm(point(conv(x)))")
    for mode in ["reflect", "replicate", "circular"]:
        case("conv_" + mode, Net(conv=nn.Conv1d(4, 3, 4, padding=2, padding_mode=mode), lstm=lstm(3)),
             lambda m, x: m.lstm(turn(m.conv(turn(x))))[0], f"conv = Conv1d(padding=2, padding_mode='{mode}'); lstm(conv(x))")
    case("conv_causal", Net(conv=nn.Conv1d(4, 8, 3, dilation=3), conv2=nn.Conv1d(8, 8, 2), lstm=lstm(8)),
         lambda m, x: m.lstm(turn(m.conv2(F.pad(torch.tanh(m.conv(F.pad(turn(x), (6, 0)))), (1, 0)))))[0],
         "conv = Conv1d(dilation=3); conv2 = Conv1d(); h = torch.tanh(conv(F.pad(x.transpose(1, 2), (6, 0)))); "
         "h = conv2(F.pad(h, (1, 0))); lstm(h.transpose(1, 2))[0]")
    case("pools", Net(lstm=lstm(4), fc=nn.Linear(12, 2)),
         lambda m, x: (lambda a: m.fc(turn(torch.cat((F.max_pool1d(a, 3, 2, 1), F.avg_pool1d(a, 3, 2, 1)), 1))))(turn(m.lstm(x)[0])),
         "a = lstm(x)[0].transpose(1, 2); fc(torch.cat((F.max_pool1d(a, 3, 2, 1), F.avg_pool1d(a, 3, 2, 1)), 1).transpose(1, 2))")
    case("pool_modules", Net(lstm=lstm(4)),
         lambda m, x: m.lstm(turn(F.max_pool1d(F.avg_pool1d(turn(x), 3, 1, 1, count_include_pad=False), 2)))[0],
         "pool = nn.MaxPool1d(2)\nself.mean = nn.AvgPool1d(3, stride=1, padding=1, count_include_pad=False)\nlstm(pool(mean(x)))")
    case("global_pool", Net(conv=nn.Conv1d(4, 5, 3), lstm=lstm(4, 5), fc=nn.Linear(10, 2)),
         lambda m, x: m.fc(torch.cat((F.adaptive_avg_pool1d(m.conv(turn(x)), 1).squeeze(-1), m.lstm(x)[1][0][-1]), 1)),
         "conv = Conv1d(); fc(torch.cat((F.adaptive_avg_pool1d(conv(x.transpose(1, 2)), 1).squeeze(-1), lstm(x)[1][0][-1]), 1))")
    case("pyramid", Net(lower=lstm(4, 3), upper=lstm(6, 3)),
         lambda m, x: m.upper((lambda a: a[:, :a.shape[1] // 2 * 2].reshape(a.shape[0], a.shape[1] // 2, 6))(m.lower(x)[0]))[0],
         "upper(join(lower(x), 2))")
    case("crop", Net(conv=nn.Conv1d(4, 4, 5), lstm=lstm(4)),
         lambda m, x: m.lstm(turn(m.conv(turn(x))) + x[:, 2:-2])[0], "conv = nn.Conv1d(4, 4, 5); lstm(conv(x.transpose(1, 2)).transpose(1, 2) + x[:, 2:-2])[0]")
    case("conv_sequential", Net(cnn=nn.Sequential(nn.Conv1d(4, 6, 3, padding=1), nn.BatchNorm1d(6), nn.ReLU(), nn.MaxPool1d(2)),
                                lstm=lstm(6, 5), fc=nn.Linear(5, 2)),
         lambda m, x: m.fc(m.lstm(turn(m.cnn(turn(x))))[0][:, -1]),
         "a = self.cnn(x.transpose(1, 2)).transpose(1, 2); fc(lstm(a)[0][:, -1])", whole=True)
    case("global_max", Net(lstm=lstm(4, 5), conv=nn.Conv1d(5, 7, 3, stride=2), pool=nn.AdaptiveMaxPool1d(1), fc=nn.Linear(7, 2)),
         lambda m, x: m.fc(m.pool(torch.tanh(m.conv(turn(m.lstm(x)[0])))).squeeze(-1)),
         "fc(self.pool(torch.tanh(self.conv(lstm(x)[0].transpose(1, 2)))).squeeze(-1))", whole=True)
    case("pool_dilated", Net(lstm=lstm(4)),
         lambda m, x: m.lstm(turn(F.max_pool1d(turn(x), 3, 1, 1, 2)))[0],
         "lstm(F.max_pool1d(x.transpose(1, 2), 3, stride=1, padding=1, dilation=2).transpose(1, 2))[0]")


def attention():
    case("self_attention", Net(lstm=lstm(4), attn=nn.MultiheadAttention(6, 2, batch_first=True), fc=nn.Linear(6, 2)),
         lambda m, x: (lambda a: m.fc((m.attn(a, a, a)[0] + a).mean(1)))(m.lstm(x)[0]),
         "attn = MultiheadAttention(num_heads=2); a, _ = lstm(x); b = attn(a, a, a)[0] + a; fc(b.mean(1))", steps=70)
    case("cross_attention", Net(encoder=lstm(4, 7, bidirectional=True), decoder=lstm(4, 6),
                                attn=nn.MultiheadAttention(6, 3, kdim=14, vdim=4, bias=False, batch_first=True), fc=nn.Linear(6, 2)),
         lambda m, x: m.fc(m.attn(m.decoder(x)[0], m.encoder(x)[0], x)[0]),
         "self.attn = nn.MultiheadAttention(6, 3, kdim=14, vdim=4, bias=False, batch_first=True)\n"
         "out, weights = self.attn(decoder(x)[0], encoder(x)[0], x, need_weights=False)\nfc(out)", steps=37)
    case("attention_whole", Net(lstm=lstm(4), attn=nn.MultiheadAttention(6, 1, batch_first=True), fc=nn.Linear(6, 2)),
         lambda m, x: (lambda a: m.fc(m.attn(a[:, -1:], a, a)[0].squeeze(1)))(m.lstm(x)[0]),
         "a = self.lstm(x)[0]; fc(self.attn(last(a), a, a)[0])", whole=True)
    case("dot_product", Net(lstm=lstm(4), query=nn.Linear(6, 5), key=nn.Linear(6, 5, bias=False), fc=nn.Linear(6, 2)),
         lambda m, x: (lambda a: m.fc(F.scaled_dot_product_attention(m.query(a), m.key(a), a)))(m.lstm(x)[0]),
         "a, _ = lstm(x); fc(F.scaled_dot_product_attention(query(a), self.key(a), a, dropout_p=0.0, is_causal=False))", steps=90)
    case("heads", Net(lstm=nn.LSTM(4, 6)),
         lambda m, x: (lambda a: F.scaled_dot_product_attention(a, a, a, scale=0.7).transpose(1, 2).flatten(2).transpose(0, 1))(
             m.lstm(x)[0].transpose(0, 1).unflatten(-1, (2, 3)).transpose(1, 2)),
         "a = lstm(x); attention(a, a, a, heads=2, scale=0.7)", batch_first=False, steps=35)


if __name__ == "__main__":
    for file in os.listdir(HERE):
        os.remove(os.path.join(HERE, file))
    norms()
    over_time()
    windows()
    attention()
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")
