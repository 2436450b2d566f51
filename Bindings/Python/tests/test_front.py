"""The Python of the repository's own README, after the files that its first example makes."""

import os
import pathlib
import re
import shutil

import pytest

ROOT = pathlib.Path(os.environ.get("RNNKIT_REPOSITORY", pathlib.Path(__file__).resolve().parents[3]))


def test_readme_runs(tmp_path, monkeypatch):
    page = ROOT / "README.md"
    if not page.exists():
        pytest.skip("not in the repository")
    snippets = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)
    assert len(snippets) == 2
    for name in ("model.pt", "x.npy", "y.npy"):
        shutil.copy(ROOT / "SampleModels/tagger" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(compile(snippets[1], "README.md", "exec"), scope)
    assert scope["y"].shape == (4, 2, 1)
