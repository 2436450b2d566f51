"""The command that comes with the package, and what a wheel has to hold."""

import os
import subprocess
import sys
import sysconfig

import pytest

import rnnkit
from rnnkit import _library

BUNDLED = os.path.exists(os.path.join(_library.FOLDER, "rnn"))
SCRIPT = os.path.join(sysconfig.get_path("scripts"), "rnn")
pytestmark = pytest.mark.skipif(not BUNDLED, reason="not installed from a wheel: no command beside the library")


@pytest.mark.parametrize("command", [[sys.executable, "-m", "rnnkit"], [SCRIPT]], ids=["python -m rnnkit", "rnn"])
def test_the_command_runs(samples, tmp_path, command):
    if not os.path.exists(command[0]):
        pytest.skip(f"{command[0]} is not installed")

    def run(*arguments):
        return subprocess.run([*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    assert run("--version").stdout.decode().split()[1] == rnnkit.__version__
    # HDF5 is read and written by a second program, which is found beside it.
    assert run("convert", samples / "gru.rnn", tmp_path / "m.h5").returncode == 0
    assert run("verify", tmp_path / "m.h5").returncode == 0
    assert run("convert", samples / "gru.rnn", tmp_path / "m.keras").returncode == 0
    assert b"GRU(" in run("inspect", tmp_path / "m.keras").stdout
    missing = run("inspect", tmp_path / "none")
    assert missing.returncode == 66 and missing.stderr.count(b"\n") == 1
    assert run("no-such-subcommand").returncode == 64


@pytest.mark.parametrize("name", ["librnnkit.so", "librnnkit_arrow.so", "rnn", "rnn-hdf5"])
def test_needs_nothing_but_the_c_and_cpp_libraries(name):
    """What every manylinux system has."""
    path = os.path.join(_library.FOLDER, name)
    try:
        text = subprocess.run(["readelf", "--dynamic", "--wide", path], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("no readelf here")
    needed = {line.split("[")[1].rstrip("]") for line in text.splitlines() if "(NEEDED)" in line}
    assert needed <= {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2",
                      "ld-linux-aarch64.so.1", "libdl.so.2", "libpthread.so.0"}
    assert "RUNPATH" not in text and "RPATH" not in text


def test_importing_loads_no_framework():
    code = ("import sys, rnnkit; print([name for name in ('torch', 'pyarrow', 'pandas', 'polars', 'duckdb', 'pyspark', 'ray')"
            " if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
