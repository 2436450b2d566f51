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

    @property
    def name(self):
        kind = "step" if self.step else f"{self.batch}_{self.steps}"
        return f"{self.cell}_{self.input}_{self.hidden}_{self.layers}_{kind}".lower()

    @property
    def title(self):
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
