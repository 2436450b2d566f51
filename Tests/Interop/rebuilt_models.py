"""Published recurrent models, rebuilt small with random weights: PyTorch's with their `forward` as it was published, and Keras'.

`header` is the line that says the input's axes, `restored` gives a run's numbers the axes that the forward gives, `streams` says
whether results come as steps do. What stands in a class but for these is what its user would paste.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class BeatNet(nn.Module):
    """mjhydri/BeatNet, model.py: a convolution within each frame, linear, LSTM, linear."""

    streams = True
    header = "data(20) -> y"

    def __init__(self):
        super().__init__()
        self.dim_in, self.conv_out = 20, 15
        self.conv1 = nn.Conv1d(1, 2, 10)
        self.linear0 = nn.Linear(10, 15)
        self.lstm = nn.LSTM(15, 15, 2, batch_first=True)
        self.linear = nn.Linear(15, 3)

    def forward(self, data):
        x = data
        x = torch.reshape(x, (-1, 20))
        x = x.unsqueeze(0).transpose(0, 1)
        x = F.max_pool1d(F.relu(self.conv1(x)), 2)
        x = x.view(-1, 10)
        x = self.linear0(x)
        x = torch.reshape(x, (data.shape[0], data.shape[1], 15))
        x, (hidden, cell) = self.lstm(x)
        out = self.linear(x)
        out = out.transpose(1, 2)
        return out

    @staticmethod
    def restored(y):
        return y.transpose(0, 2, 1)

    @staticmethod
    def example():
        return torch.randn(2, 13, 20)


class OpenUnmix(nn.Module):
    """sigsep/open-unmix-pytorch, model.py: means and scales, norms, BiLSTM with a skip around it, a mask."""

    header = "x(batch, 2, 8, time) -> y"

    def __init__(self):
        super().__init__()
        self.nb_bins, self.nb_output_bins, self.hidden_size = 6, 8, 12
        self.input_mean, self.input_scale = nn.Parameter(torch.randn(6)), nn.Parameter(torch.randn(6))
        self.fc1 = nn.Linear(12, 12, bias=False)
        self.bn1 = nn.BatchNorm1d(12)
        self.lstm = nn.LSTM(12, 6, num_layers=3, bidirectional=True, batch_first=False)
        self.fc2 = nn.Linear(24, 12, bias=False)
        self.bn2 = nn.BatchNorm1d(12)
        self.fc3 = nn.Linear(12, 16, bias=False)
        self.bn3 = nn.BatchNorm1d(16)
        self.output_scale, self.output_mean = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(8))

    def forward(self, x):
        # permute so that batch is last for lstm
        x = x.permute(3, 0, 1, 2)
        # get current spectrogram shape
        nb_frames, nb_samples, nb_channels, nb_bins = x.data.shape

        mix = x.detach().clone()

        # crop
        x = x[..., : self.nb_bins]
        # shift and scale input to mean=0 std=1 (across all bins)
        x = x + self.input_mean
        x = x * self.input_scale

        # to (nb_frames*nb_samples, nb_channels*nb_bins)
        # and encode to (nb_frames*nb_samples, hidden_size)
        x = self.fc1(x.reshape(-1, nb_channels * self.nb_bins))
        # normalize every instance in a batch
        x = self.bn1(x)
        x = x.reshape(nb_frames, nb_samples, self.hidden_size)
        # squash range ot [-1, 1]
        x = torch.tanh(x)

        # apply 3-layers of stacked LSTM
        lstm_out = self.lstm(x)

        # lstm skip connection
        x = torch.cat([x, lstm_out[0]], -1)

        # first dense stage + batch norm
        x = self.fc2(x.reshape(-1, x.shape[-1]))
        x = self.bn2(x)

        x = F.relu(x)

        # second dense stage + layer norm
        x = self.fc3(x)
        x = self.bn3(x)

        # reshape back to original dim
        x = x.reshape(nb_frames, nb_samples, nb_channels, self.nb_output_bins)

        # apply output scaling
        x *= self.output_scale
        x += self.output_mean

        # since our output is non-negative, we can apply RELU
        x = F.relu(x) * mix
        # permute back to (nb_samples, nb_channels, nb_bins, nb_frames)
        return x.permute(1, 2, 3, 0)

    @staticmethod
    def restored(y):
        return y.reshape(11, 2, 2, 8).transpose(1, 2, 3, 0)

    @staticmethod
    def example():
        return torch.rand(2, 2, 8, 11)


class Silero(nn.Module):
    """snakers4/silero-vad: STFT as a fixed convolution, an encoder, LSTM, a decoder."""

    header = "x(batch, 1, time) -> y"

    def __init__(self):
        super().__init__()
        self.stft = nn.Conv1d(1, 18, 16, stride=8, bias=False)
        self.conv1 = nn.Conv1d(9, 12, 3, padding=1)
        self.conv2 = nn.Conv1d(12, 8, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(8, 8, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(8, 12, 3, padding=1)
        self.rnn = nn.LSTM(12, 12, batch_first=True)
        self.final = nn.Conv1d(12, 1, 1)

    def forward(self, x):
        spec = self.stft(x)
        real, imag = spec[:, :9], spec[:, 9:]
        mag = torch.sqrt(real ** 2 + imag ** 2)
        y = F.relu(self.conv1(mag))
        y = F.relu(self.conv2(y))
        y = F.relu(self.conv3(y))
        y = F.relu(self.conv4(y))
        out, (h, c) = self.rnn(y.permute(0, 2, 1))
        out = F.relu(out.permute(0, 2, 1))
        return torch.sigmoid(self.final(out))

    @staticmethod
    def restored(y):
        return y.transpose(0, 2, 1)

    @staticmethod
    def example():
        return torch.randn(2, 1, 16 + 8 * 39)


class DTLN(nn.Module):
    """breizhn/DTLN, second core: a learned basis by a convolution, norm, LSTM, mask, and back."""

    streams = True
    header = "x(16) -> y"

    def __init__(self):
        super().__init__()
        self.encoder = nn.Conv1d(16, 12, 1, bias=False)
        self.norm = nn.LayerNorm(12, eps=1e-7)
        self.lstm1 = nn.LSTM(12, 10, batch_first=True)
        self.lstm2 = nn.LSTM(10, 10, batch_first=True)
        self.drop = nn.Dropout(0.25)
        self.dense = nn.Linear(10, 12)
        self.decoder = nn.Conv1d(12, 16, 1, bias=False)

    def forward(self, x):
        encoded = self.encoder(x.transpose(1, 2)).transpose(1, 2)
        y = self.norm(encoded)
        y, _ = self.lstm1(y)
        y = self.drop(y)
        y, _ = self.lstm2(y)
        mask = torch.sigmoid(self.dense(y))
        estimated = encoded * mask
        return self.decoder(estimated.transpose(1, 2)).transpose(1, 2)

    @staticmethod
    def example():
        return torch.randn(2, 11, 16)


class DTLNMask(nn.Module):
    """breizhn/DTLN, first core: LSTM on log magnitudes, a mask on the magnitudes."""

    streams = True
    header = "mag(9) -> y"

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(9, eps=1e-7)
        self.lstm = nn.LSTM(9, 8, 2, batch_first=True)
        self.dense = nn.Linear(8, 9)

    def forward(self, mag):
        y = self.norm(torch.log(mag + 1e-7))
        y, _ = self.lstm(y)
        mask = torch.sigmoid(self.dense(y))
        return mag * mask

    @staticmethod
    def example():
        return torch.rand(2, 11, 9) + 0.1


class BidirectionalLSTM(nn.Module):

    def __init__(self, nIn, nHidden, nOut):
        super().__init__()
        self.rnn = nn.LSTM(nIn, nHidden, bidirectional=True)
        self.embedding = nn.Linear(nHidden * 2, nOut)

    def forward(self, input):
        recurrent, _ = self.rnn(input)
        T, b, h = recurrent.size()
        t_rec = recurrent.view(T * b, h)
        output = self.embedding(t_rec)  # [T * b, nOut]
        output = output.view(T, b, -1)
        return output


class CRNN(nn.Module):
    """meijieru/crnn.pytorch, models/crnn.py: seven convolutions, two BiLSTMs."""

    header = "input(batch, 1, 32, time) -> y"

    def __init__(self):
        super().__init__()
        ks, ps, ss, nm = [3, 3, 3, 3, 3, 3, 2], [1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1], [4, 6, 8, 8, 8, 8, 8]
        cnn = nn.Sequential()

        def convRelu(i, batchNormalization=False):
            nIn = 1 if i == 0 else nm[i - 1]
            cnn.add_module(f"conv{i}", nn.Conv2d(nIn, nm[i], ks[i], ss[i], ps[i]))
            if batchNormalization:
                cnn.add_module(f"batchnorm{i}", nn.BatchNorm2d(nm[i]))
            cnn.add_module(f"relu{i}", nn.ReLU(True))

        convRelu(0)
        cnn.add_module("pooling0", nn.MaxPool2d(2, 2))
        convRelu(1)
        cnn.add_module("pooling1", nn.MaxPool2d(2, 2))
        convRelu(2, True)
        convRelu(3)
        cnn.add_module("pooling2", nn.MaxPool2d((2, 2), (2, 1), (0, 1)))
        convRelu(4, True)
        convRelu(5)
        cnn.add_module("pooling3", nn.MaxPool2d((2, 2), (2, 1), (0, 1)))
        convRelu(6, True)
        self.cnn = cnn
        self.rnn = nn.Sequential(BidirectionalLSTM(8, 6, 6), BidirectionalLSTM(6, 6, 5))

    def forward(self, input):
        # conv features
        conv = self.cnn(input)
        b, c, h, w = conv.size()
        assert h == 1, "the height of conv must be 1"
        conv = conv.squeeze(2)
        conv = conv.permute(2, 0, 1)  # [w, b, c]

        # rnn features
        output = self.rnn(conv)
        return output

    @staticmethod
    def example():
        return torch.randn(2, 1, 32, 40)


class MedakaConvLSTM(nn.Module):
    """nanoporetech/medaka, the read-level convolutions and BiLSTM, of one read."""

    header = "x(6) -> y"

    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv1d(6, 8, 1, padding="same"), nn.BatchNorm1d(8), nn.ReLU(),
                                   nn.Conv1d(8, 8, 17, padding="same"), nn.BatchNorm1d(8), nn.ReLU())
        self.expansion = nn.Linear(8, 12)
        self.lstm = nn.LSTM(12, 12, num_layers=2, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(24, 5)

    def forward(self, x):
        x = self.convs(x.transpose(1, 2))
        x = self.expansion(x.transpose(1, 2))
        x, _ = self.lstm(x)
        return torch.softmax(self.linear(x), dim=-1)

    @staticmethod
    def example():
        return torch.randn(2, 30, 6)


class Medaka(nn.Module):
    """nanoporetech/medaka's GRU of consensus models."""

    header = "x(10) -> y"

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(10, 12, num_layers=2, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(24, 5)
        self.normalise = True

    def forward(self, x):
        x = self.gru(x)[0]
        x = self.linear(x)
        if self.normalise:
            # switch normalise off for training to return logits for cross-entropy loss
            x = torch.softmax(x, dim=-1)
        return x

    @staticmethod
    def example():
        return torch.randn(2, 20, 10)


class DeepSpeech(nn.Module):
    """DeepSpeech2's front as in SeanNaren/deepspeech.pytorch: conv2d with hardtanh, batch norms, BiGRUs that are summed."""

    header = "x(batch, 1, 21, time) -> y"

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 4, kernel_size=(7, 5), stride=(2, 2), padding=(3, 2)), nn.BatchNorm2d(4), nn.Hardtanh(0, 20, inplace=True),
                                  nn.Conv2d(4, 4, kernel_size=(5, 5), stride=(2, 1), padding=(2, 2)), nn.BatchNorm2d(4), nn.Hardtanh(0, 20, inplace=True))
        self.rnn1 = nn.GRU(24, 10, bidirectional=True)
        self.bn = nn.BatchNorm1d(10)
        self.rnn2 = nn.GRU(10, 10, bidirectional=True)
        self.fc = nn.Linear(10, 7, bias=False)

    def forward(self, x):
        x = self.conv(x)
        sizes = x.size()
        x = x.view(sizes[0], sizes[1] * sizes[2], sizes[3])  # Collapse feature dimension
        x = x.transpose(1, 2).transpose(0, 1).contiguous()  # TxNxH
        x, h = self.rnn1(x)
        x = x.view(x.size(0), x.size(1), 2, -1).sum(2).view(x.size(0), x.size(1), -1)  # (TxNxH*2) -> (TxNxH) by sum
        t, n = x.size(0), x.size(1)
        x = x.view(t * n, -1)
        x = self.bn(x)
        x = x.view(t, n, -1)
        x, h = self.rnn2(x)
        x = x.view(x.size(0), x.size(1), 2, -1).sum(2).view(x.size(0), x.size(1), -1)
        x = self.fc(x)
        x = x.transpose(0, 1)
        return F.softmax(x, dim=-1)

    @staticmethod
    def restored(y):
        return y.transpose(1, 0, 2) if y.shape[0] == 12 else y

    @staticmethod
    def example():
        return torch.randn(2, 1, 21, 24)


MODELS = {model.__name__: model for model in (BeatNet, OpenUnmix, Silero, DTLN, DTLNMask, CRNN, MedakaConvLSTM, Medaka, DeepSpeech)}


def build(name):
    torch.manual_seed(list(MODELS).index(name) + 1)
    model = MODELS[name]().eval()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    return model


# Keras'.


def keras_models():
    """By name: the model and its input."""
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)

    def normal(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    def ethnicolr():
        return keras.Sequential([layers.Input((12,)), layers.Embedding(30, 8), layers.SpatialDropout1D(0.2), layers.LSTM(10, dropout=0.2, recurrent_dropout=0.2),
                                 layers.Dense(4, activation="softmax")]), rng.integers(0, 30, (3, 12))

    def medaka():
        return keras.Sequential([layers.Input((None, 10)), layers.Bidirectional(layers.GRU(12, return_sequences=True, reset_after=True)),
                                 layers.Bidirectional(layers.GRU(12, return_sequences=True, reset_after=True)), layers.Dense(5, activation="softmax")]), normal(2, 20, 10)

    def dtln_mask():
        x = layers.Input((None, 9))
        y = layers.LSTM(8, return_sequences=True)(x)
        y = layers.LSTM(8, return_sequences=True)(layers.Dropout(0.25)(y))
        mask = layers.Activation("sigmoid")(layers.Dense(9)(y))
        return keras.Model(x, layers.Multiply()([x, mask])), normal(2, 11, 9)

    def dtln():
        x = layers.Input((None, 16))
        encoded = layers.Conv1D(12, 1, strides=1, use_bias=False)(x)
        y = layers.LayerNormalization(epsilon=1e-7)(encoded)
        y = layers.LSTM(10, return_sequences=True)(y)
        y = layers.LSTM(10, return_sequences=True)(layers.Dropout(0.25)(y))
        mask = layers.Activation("sigmoid")(layers.Dense(12)(y))
        estimated = layers.Multiply()([encoded, mask])
        return keras.Model(x, layers.Conv1D(16, 1, padding="causal", use_bias=False)(estimated)), normal(2, 11, 16)

    def textgenrnn():
        x = layers.Input((12,))
        embedded = layers.Embedding(30, 8)(x)
        first = layers.LSTM(6, return_sequences=True)(embedded)
        second = layers.LSTM(6, return_sequences=True)(first)
        joined = layers.concatenate([embedded, first, second])
        weights = layers.Softmax(axis=1)(layers.Dense(1, use_bias=False)(joined))
        mean = ops.sum(layers.Multiply()([joined, weights]), axis=1)
        return keras.Model(x, layers.Dense(30, activation="softmax")(mean)), rng.integers(0, 30, (3, 12))

    def conv_gru():
        return keras.Sequential([layers.Input((None, 2)), layers.Dense(6), layers.PReLU(shared_axes=[1]), layers.Conv1D(4, 3, dilation_rate=2, padding="causal", activation="tanh"),
                                 layers.GRU(8, return_sequences=True), layers.Dense(1)]), normal(2, 30, 2)

    return {make.__name__: make() for make in (ethnicolr, medaka, dtln_mask, dtln, textgenrnn, conv_gru)}
