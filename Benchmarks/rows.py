"""What is measured: the cells and sizes of the table, and which lead over the best peer is wanted."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    cell: str
    input: int
    hidden: int
    layers: int
    batch: int
    steps: int
    wanted: str
    # One step a call, the state carried, with a linear layer of one output after the cell.
    step: bool = False
    # The class of models.py that it is, with the sizes above for what they are called there; its forward line.
    model: str = ""
    forward: str = ""

    @property
    def name(self):
        if self.model:
            return self.model.lower()
        kind = "step" if self.step else f"{self.batch}_{self.steps}"
        return f"{self.cell}_{self.input}_{self.hidden}_{self.layers}_{kind}".lower()

    @property
    def title(self):
        if self.model:
            return self.cell if self.step else f"{self.cell}, {self.batch}, {self.steps}"
        sizes = (self.input, self.hidden) if self.step else (self.input, self.hidden, self.layers, self.batch, self.steps)
        return f"{self.cell} {', '.join(map(str, sizes))}"


SEQUENCES = [
    Row("RNN", 3, 5, 2, 2, 4, "10x"),
    Row("LSTM", 1, 40, 1, 1, 4096, "3x"),
    Row("GRU", 1, 40, 1, 1, 4096, "3x"),
    Row("RNN", 64, 64, 2, 1, 100, "4x"),
    Row("LSTM", 64, 64, 2, 1, 100, "1.6x"),
    Row("LSTM", 256, 256, 2, 1, 100, "1.4x"),
    Row("GRU", 256, 256, 2, 1, 100, "1.4x"),
    Row("RNN", 256, 256, 2, 1, 100, "1.6x"),
    Row("LSTM", 40, 256, 3, 1, 160, "1.4x"),
    Row("LSTM", 1024, 1024, 2, 1, 50, "1.2x"),
    Row("RNN", 1024, 1024, 2, 1, 50, "1.2x"),
    Row("LSTM", 256, 256, 2, 32, 100, "1.1x"),
    Row("GRU", 256, 256, 2, 32, 100, "1.2x"),
    Row("RNN", 256, 256, 2, 32, 100, "1.3x"),
    Row("LSTM", 1024, 1024, 2, 32, 50, "1.1x"),
    Row("RNN", 1024, 1024, 2, 32, 50, "1.1x"),
]

STEPS = [
    Row("LSTM", 1, 40, 1, 1, 1, "105 ns", step=True),
    Row("GRU", 1, 40, 1, 1, 1, "85 ns", step=True),
]

# What stands around recurrent layers, as published models have it (models.py): sizes are their own.
MODELS = [
    Row("medaka: Conv1d 1 and 17, BiLSTM 128 ×2", 10, 128, 2, 32, 200, "1x", model="ConvLSTM", forward=(
        "conv1 = Conv1d(10, 64, 1); conv2 = Conv1d(64, 128, 17, padding=8); "
        "fc(lstm(relu(conv2(relu(conv1(x))))))")),
]

MODEL_STEPS = [
    Row("DTLN, first core: LSTM 257, 128 ×2, sigmoid", 257, 128, 2, 1, 1, "1x", step=True, model="DTLN1", forward=(
        "sigmoid(fc(lstm(x)))")),
    Row("DTLN, second core: Conv1d, norm, LSTM 256, 128 ×2, mask, Conv1d", 512, 128, 2, 1, 1, "1x", step=True, model="DTLN2",
        forward=(
            "encode = Conv1d(512, 256, 1, bias=False); decode = Conv1d(256, 512, 1, bias=False); norm = LayerNorm(256, eps=1e-7); "
            "a = encode(x); decode(sigmoid(fc(lstm(norm(a)))) * a)")),
    Row("silero-vad, decoder: LSTM 128, ReLU, Conv1d, sigmoid", 128, 128, 1, 1, 1, "1x", step=True, model="SileroDecoder",
        forward="conv = Conv1d(128, 1, 1); sigmoid(conv(relu(lstm(x))))"),
    Row("WaveNet: 10 dilated Conv1d 16", 1, 16, 10, 1, 1, "1x", step=True, model="WaveNet", forward="; ".join(
        ["first = Conv1d(1, 16, 1); last = Conv1d(16, 1, 1); a0 = first(x)"]
        + [f"dilated.{i} = Conv1d(16, 16, 3, dilation={2**i}, padding=[{2 * 2**i}, 0]); mix.{i} = Conv1d(16, 16, 1); "
           f"a{i + 1} = a{i} + mix.{i}(tanh(dilated.{i}(a{i})))" for i in range(10)]
        + ["last(a10)"])),
]
