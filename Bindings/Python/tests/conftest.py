"""Where tests find the models, and the command that came with the package."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import rnnkit
from rnnkit import _library

ROOT = pathlib.Path(os.environ.get("RNNKIT_REPOSITORY", pathlib.Path(__file__).resolve().parents[3]))


@pytest.fixture(scope="session")
def samples():
    """The folder of models that PyTorch and Keras made, with their outputs inside."""
    return ROOT / "SampleModels"


@pytest.fixture
def command():
    """Runs the bundled `rnn`; returns its standard output."""

    if not os.path.exists(os.path.join(_library.FOLDER, "rnn")):
        pytest.skip("not installed from a wheel: no command beside the library")

    def run(*arguments, status=0):
        done = subprocess.run(
            [os.path.join(_library.FOLDER, "rnn"), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == status, done.stderr.decode()
        return done.stdout.decode()

    return run


@pytest.fixture
def large(tmp_path):
    """A native file of some megabytes: LSTM(64, 512) and a Linear."""
    random = np.random.default_rng(1)
    np.savez(tmp_path / "large.npz", **{
        name: (random.standard_normal(shape) / 20).astype("float32")
        for name, shape in {"lstm.weight_ih_l0": (2048, 64), "lstm.weight_hh_l0": (2048, 512), "lstm.bias_ih_l0": (2048,),
                            "lstm.bias_hh_l0": (2048,), "fc.weight": (3, 512), "fc.bias": (3,)}.items()})
    rnnkit.convert(tmp_path / "large.npz", tmp_path / "large.rnn", forward="fc(last(lstm(x)))")
    return tmp_path / "large.rnn"


@pytest.fixture(scope="session")
def spark():
    """A session with two executors, which are processes of their own."""
    pytest.importorskip("pyspark", reason="pyspark is not installed here")
    from pyspark.sql import SparkSession

    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable,
                      RNNKIT_TEST=str(os.getpid()))
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(sys.path)).getOrCreate())
    yield session
    session.stop()


@pytest.fixture(scope="session")
def ray_data():
    """ray.data, of a Ray with room for two actors beside the tasks that read."""
    ray = pytest.importorskip("ray", reason="ray is not installed here")
    import ray.data  # noqa: F811  The submodule is not imported with ray.

    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=300 << 20, _node_ip_address="127.0.0.1",
             runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}}, log_to_driver=False)
    yield ray.data
    ray.shutdown()
