"""RNNKit: runs, checks and converts recurrent networks of any framework's files, with the same bits everywhere.

    import rnnkit
    model = rnnkit.open("model.pt", forward="fc(last(lstm(x)))")
    y = model.run(x)

Submodules, imported by name: `rnnkit.torch`, `rnnkit.arrow`, `rnnkit.spark`, `rnnkit.batches`, `rnnkit.duckdb`,
`rnnkit.polars`.
"""

from ._errors import AssumptionWarning, Error, Kind
from ._library import lib as _lib
from ._line import Step
from ._model import Model, Verification
from ._open import convert
from ._open import open_model as open
from ._plan import Input, Member
from ._stream import State, Stream

__version__: str = _lib.rnnkit_version().decode()

__all__ = [
    "AssumptionWarning", "Error", "Input", "Kind", "Member", "Model", "State", "Step", "Stream", "Verification", "convert",
    "open", "__version__",
]
