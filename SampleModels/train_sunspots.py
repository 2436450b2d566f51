"""Trains an Elman RNN to predict the next year's sunspot number from the years before.

The data is the yearly mean total sunspot number, 1700 to 2008, that the package statsmodels ships. The years up to 1920
are trained on, 1921 to 1955 choose when to stop, and 1956 to 2008 are not used in training or stopping.
"""

import copy

import numpy as np
import statsmodels.api
import torch
from torch import nn

from chain import Chain
from sample import sample

FIRST_YEAR, TRAINED_TO, CHOSEN_TO = 1700, 1920, 1955
EPOCHS = 600
# A little above the largest number there is, so that what goes in and comes out stays within ±1.
SCALE = 200.0


def series():
    """The sunspot number of each year, float64."""
    data = statsmodels.api.datasets.sunspots.load_pandas().data
    assert int(data["YEAR"].iloc[0]) == FIRST_YEAR
    return data["SUNACTIVITY"].to_numpy(dtype=np.float64)


def train(x):
    """The trained chain. x: the normalised series, float32 (years, 1).

    The strong weight decay costs nothing on the years nobody has seen, and keeps the model from amplifying rounding.
    """
    rnn, fc = nn.RNN(1, 16, 2), nn.Linear(16, 1)
    model = nn.ModuleList([rnn, fc])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=2.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    trained, chosen = TRAINED_TO - FIRST_YEAR, CHOSEN_TO - FIRST_YEAR
    spread = x[:trained + 1].std()
    best, kept = float("inf"), None
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        # A little noise on what it sees keeps so small a series from being learnt by heart.
        seen = x[:trained] + 0.1 * spread * torch.randn(trained, 1)
        loss = nn.functional.mse_loss(fc(rnn(seen)[0]), x[1:trained + 1]) / spread**2
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            error = fc(rnn(x[:chosen])[0])[trained:] - x[trained + 1:chosen + 1]
            score = error.square().mean().item()
        if score < best:
            best, kept = score, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return Chain(("rnn", rnn), ("fc", fc))


def rmse(difference):
    return float(np.sqrt(np.mean(np.square(difference))))


def errors(raw, predicted):
    """Root mean square errors of the model and of "the same as last year", in sunspot numbers, by period."""
    result = {}
    for name, first, last in (("training", 1701, TRAINED_TO), ("validation", TRAINED_TO + 1, CHOSEN_TO),
                              ("test", CHOSEN_TO + 1, FIRST_YEAR + len(raw) - 1)):
        years = slice(first - FIRST_YEAR, last - FIRST_YEAR + 1)
        before = slice(first - FIRST_YEAR - 1, last - FIRST_YEAR)
        result[name] = {
            "years": [first, last],
            "model": round(rmse(predicted[before] - raw[years]), 2),
            "last_year": round(rmse(raw[before] - raw[years]), 2),
        }
    return result


@sample("sunspots/sunspots")
def sunspots():
    """Predicts the next yearly sunspot number; really trained."""
    raw = series()
    known = raw[:TRAINED_TO - FIRST_YEAR + 1]
    mean = round(float(known.mean()), 3)
    x = ((raw - mean) / SCALE).astype(np.float32)[:, None]
    chain = train(torch.from_numpy(x))
    members, about = chain.case(torch.from_numpy(x))
    figures = errors(raw, members["y"].numpy()[:, 0].astype(np.float64) * SCALE + mean)
    print("  sunspots, root mean square error:", figures)
    yield chain, {"yearly": (members, about)}, {
        "metadata": {
            "source": f"yearly mean total sunspot number, as shipped by statsmodels {statsmodels.__version__}",
            "first_year": FIRST_YEAR,
            "normalisation": {"mean": mean, "scale": SCALE, "formula": "input = (sunspots - mean) / scale"},
            "prediction": "y at a step, times scale plus mean, is the sunspot number of the year after",
            "root_mean_square_error": figures,
        },
        "text": {
            "input.csv": "".join(f"{value!s}\n" for value in x[:, 0]),
            "years.csv": "year,sunspots\n" + "".join(f"{FIRST_YEAR + i},{v}\n" for i, v in enumerate(raw)),
        },
    }
