"""rnnkit.torch against PyTorch's own outputs."""

import glob
import os
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from torch import nn
from torch.nn import functional as F

import rnnkit
import rnnkit.torch


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 8, 2, batch_first=True, bidirectional=True, dropout=0.3)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        return F.log_softmax(self.fc(self.drop(torch.cat((h[-2], h[-1]), dim=1))), dim=-1)


class LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 5, nonlinearity="relu", batch_first=True)
        self.head = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Dropout(0.1), nn.Linear(6, 2), nn.Sigmoid())

    def forward(self, x):
        h0 = torch.zeros(1, x.size(0), 5)
        out, _ = self.rnn(x, h0)
        return self.head(out[:, -1, :])


class TimeFirst(nn.Module):
    """Residuals, slices, a state of its own among what it returns."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 6, padding_idx=0)
        self.gru = nn.GRU(6, 6)
        self.gain = nn.Parameter(torch.tensor([0.5]))
        self.fc = nn.Linear(6, 6, bias=False)

    def forward(self, tokens, hidden=None):
        e = self.embed(tokens)
        out, hidden = self.gru(e, hidden)
        y = self.fc(torch.tanh(out)) * 0.1 + e
        return y - F.leaky_relu(out, 0.2), hidden


class Activations(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 7, proj_size=3)
        self.steps = nn.Sequential(nn.ELU(0.7), nn.GELU(), nn.SiLU(), nn.Hardtanh(-0.5, 0.6), nn.Softplus(), nn.LeakyReLU(0.3),
                                   nn.Hardsigmoid(), nn.Softsign(), nn.ReLU6(), nn.GELU(approximate="tanh"), nn.PReLU(),
                                   nn.Identity(), nn.Tanh(), nn.LogSoftmax(dim=2))

    def forward(self, x):
        return self.steps(torch.clamp(F.elu(self.lstm(x)[0]), min=-0.2) / 2 - 1)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.GRU(2, 4, batch_first=True), nn.GRU(3, 4, batch_first=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, left, right):
        a, b = self.a(left)[0], self.b(right)[0]
        return self.fc(torch.cat([a, b], -1)), a[:, 0], b[..., 1:3]


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4)
        self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(4, 2))

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


MODELS = {
    "classifier": (Classifier, (torch.zeros(2, 6, 3),)), "last step": (LastStep, (torch.zeros(2, 6, 3),)),
    "time first": (TimeFirst, (torch.zeros(6, 2, dtype=torch.int64),)), "activations": (Activations, (torch.zeros(6, 2, 2),)),
    "two inputs": (TwoInputs, (torch.zeros(2, 6, 2), torch.zeros(2, 6, 3))), "weight_norm": (Normed, (torch.zeros(6, 2, 3),)),
    "a recurrent module alone": (lambda: nn.LSTM(3, 4, 2), (torch.zeros(6, 2, 3),)),
    "float64": (lambda: Classifier().double(), (torch.zeros(2, 6, 3, dtype=torch.float64),)),
}


def filled(shapes):
    return tuple(torch.randint(0, 11, item.shape) if item.dtype == torch.int64 else torch.randn_like(item) for item in shapes)


def flattened(result):
    return [result] if isinstance(result, torch.Tensor) else [item for part in result for item in flattened(part)]


@pytest.mark.parametrize("what", MODELS)
def test_a_saved_module_gives_its_outputs(tmp_path, what):
    torch.manual_seed(0)
    make, shapes = MODELS[what]
    module = make()
    module.train()
    saved = rnnkit.torch.save(module, tmp_path / "m.rnn", example=shapes if len(shapes) > 1 else filled(shapes)[0])
    assert module.training and all(item.training for item in module.modules())
    assert saved.verify() and saved.notes == []
    module.eval()
    given = filled(shapes)
    with torch.no_grad():
        expected = flattened(module(*given))
    found = saved.run(dict(zip([item.names[0] for item in saved.inputs], given)) if len(given) > 1 else given[0])
    np.testing.assert_allclose(found, expected[0].numpy(), atol=2e-6)
    # And of another size than the example's.
    longer = tuple(torch.cat([item, item], 1)[:, :9] for item in given)
    with torch.no_grad():
        expected = flattened(module(*longer))
    found = saved.run(dict(zip([item.names[0] for item in saved.inputs], longer)) if len(given) > 1 else longer[0])
    np.testing.assert_allclose(found, expected[0].numpy(), atol=2e-6)


@pytest.mark.parametrize("what", MODELS)
def test_what_was_saved_loads_again(tmp_path, what):
    torch.manual_seed(1)
    make, shapes = MODELS[what]
    module, given = make().eval(), filled(shapes)
    rnnkit.torch.save(module, tmp_path / "m.rnn", example=given)
    again = rnnkit.torch.load(tmp_path / "m.rnn")
    with torch.no_grad():
        expected, found = flattened(module(*given)), flattened(again(*given))
    for one, other in zip(expected, found):
        assert torch.allclose(one, other, atol=1e-6)
    # Trained weights come back bit for bit, under their names.
    kept = {name: value for name, value in module.state_dict().items() if name in again.state_dict()}
    assert kept or what in ("weight_norm", "a recurrent module alone")
    for name, value in kept.items():
        assert torch.equal(again.state_dict()[name], value), name
    assert len(list(again.parameters())) > 0 and pickle.loads(pickle.dumps(again)).line == again.line


def test_every_sample_loads_or_names_what_torch_has_not(samples):
    loaded = 0
    for path in sorted(glob.glob(str(samples / "*.rnn"))):
        model = rnnkit.open(path)
        try:
            module = rnnkit.torch.load(model)
        except rnnkit.Error as error:
            assert error.remedy, path
            continue
        item = model.inputs[0]
        shape = [{"time": 7, "batch": 2}.get(axis, axis) for axis in item.shape]
        x = np.random.default_rng(0).standard_normal(shape) if item.indices is None else np.random.default_rng(0).integers(
            0, item.indices, shape)
        half = model.describe()["parameters"][0]["dtype"] in ("float16", "bfloat16")
        module = module.float() if half else module
        given = torch.from_numpy(x if item.indices is not None else x.astype(model.dtype))
        with torch.no_grad():
            expected = flattened(module(given))[0]
        np.testing.assert_allclose(model.run(x), expected.numpy(), atol=1e-5, err_msg=path)
        loaded += 1
    assert loaded > 50


class Wrong(nn.Module):
    """One step that no line says."""

    def __init__(self, action):
        super().__init__()
        self.lstm, self.fc, self.conv = nn.LSTM(3, 3, batch_first=True), nn.Linear(3, 3), nn.Conv1d(3, 3, 1)
        self.cell, self.norm = nn.LSTMCell(3, 3), nn.LayerNorm(3)
        self.action = action

    def forward(self, x):
        return self.action(self, x)


def branch(m, x):
    return x if x.sum() > 0 else m.fc(x)


def packed(m, x):
    return m.lstm(nn.utils.rnn.pack_padded_sequence(x, [x.size(1)] * 2, batch_first=True))[0].data


REFUSED = {
    "mean over time": (lambda m, x: m.lstm(x)[0].mean(1), "mean"),
    "convolution": (lambda m, x: m.conv(x.transpose(1, 2)), "transpose"),
    "normalisation": (lambda m, x: m.norm(m.lstm(x)[0]), "LayerNorm"),
    "condition": (branch, "Wrong"), "packing": (packed, "Wrong"),
    "one row of the batch": (lambda m, x: m.lstm(x)[0][-1], "getitem"),
    "whole state": (lambda m, x: m.fc(m.lstm(x)[1][0]), "fc"),
    "softmax over time": (lambda m, x: torch.softmax(m.lstm(x)[0], 1), "features"),
    "computed start": (lambda m, x: m.lstm(x, (m.fc(x[:, 0])[None], m.fc(x[:, 0])[None]))[0], "forward"),
    "cell": (lambda m, x: m.cell(m.lstm(x)[0][:, 0])[0], "cell"),
    "squeeze": (lambda m, x: m.fc(m.lstm(x)[0]).squeeze(-1), "squeeze"),
    "dropout that stays": (lambda m, x: F.dropout(m.lstm(x)[0], 0.5, True), "dropout"),
    "states alone": (lambda m, x: m.lstm(x)[1], "states"),
    "matrix of its own": (lambda m, x: m.lstm(x)[0] @ m.fc.weight, "fc.weight"),
    "dictionary": (lambda m, x: {"y": m.lstm(x)[0]}, ""),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_line_says_is_named(tmp_path, what):
    action, word = REFUSED[what]
    module = Wrong(action)
    with pytest.raises(rnnkit.Error) as caught:
        rnnkit.torch.save(module, tmp_path / "m.rnn", example=torch.randn(2, 4, 3))
    assert word in str(caught.value) and caught.value.remedy and "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_what_tracing_misses_is_found_by_the_example(tmp_path):
    """A hook is not part of what is traced."""
    module = LastStep()
    module.rnn.register_forward_hook(lambda item, given, result: (result[0] + 1, result[1]))
    with pytest.raises(rnnkit.Error, match="does not give"):
        rnnkit.torch.save(module, tmp_path / "m.rnn", example=torch.randn(2, 4, 3))
    assert os.listdir(tmp_path) == []


def test_an_existing_file_stays(tmp_path):
    (tmp_path / "m.rnn").write_text("mine")
    with pytest.raises(rnnkit.Error):
        rnnkit.torch.save(LastStep(), tmp_path / "m.rnn", example=torch.randn(2, 4, 3))
    assert (tmp_path / "m.rnn").read_text() == "mine"
    assert rnnkit.torch.save(LastStep(), tmp_path / "m.rnn", example=torch.randn(2, 4, 3), force=True).verify()


def test_takes_tensors(samples):
    model = rnnkit.open(samples / "lstm.rnn")
    x = torch.randn(5, 2, 4, requires_grad=True)
    assert np.array_equal(model.run(x), model.run(x.detach().numpy()))
    assert np.array_equal(model.run(x.bfloat16()), model.run(x.bfloat16().float()))
