"""The snippets of README.md and docs, run in their order."""

import importlib
import os
import pathlib
import re
import shutil

import numpy as np
import pytest

import rnnkit

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE if (HERE / "README.md").exists() else HERE.parent
PAGES = ["README.md"] + sorted(f"docs/{path.name}" for path in (FOLDER / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(page, samples, tmp_path, monkeypatch, request):
    text = (FOLDER / page).read_text()
    found = re.findall(r"^```python *([\w.]*)\n(.*?)^```", text, re.M | re.S)
    assert found
    monkeypatch.chdir(tmp_path)
    name = "lstm.rnn" if page == "README.md" else "head_last_step.rnn"
    shutil.copy(samples / name, "model.rnn")
    features = rnnkit.open("model.rnn").inputs[0].shape[-1]
    x = np.random.default_rng(0).standard_normal((5, 2, features)).astype("float32")
    scope = {"np": np, "x": x, "rnnkit": rnnkit}
    if page != "README.md":
        scope["model"] = rnnkit.open("model.rnn")
    skipped = []
    for needed, code in found:
        if needed:
            try:
                scope[needed] = importlib.import_module(needed)
            except ImportError:
                skipped.append(needed)
                continue
            if needed == "torch":
                importlib.import_module("rnnkit.torch")
            if needed == "pyarrow":
                importlib.import_module("rnnkit.arrow")
                scope["model"] = rnnkit.open("model.rnn")
                scope["table"] = scope[needed].table({"sequence": [x[:, 0].tolist(), x[:2, 1].tolist()]})
            if needed == "pyspark":
                scope["spark"] = request.getfixturevalue("spark")
            if needed == "ray":
                request.getfixturevalue("ray_data")
        exec(compile(code, page, "exec"), scope)
    if skipped:
        pytest.skip(f"all but those that need {', '.join(skipped)}")
    assert os.listdir(tmp_path)
