"""The real engines, where they are installed: the bits of one process, whatever the partitioning and whoever dies."""

import os
import signal
import sys

import numpy as np
import pytest

import rnnkit

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed here")
import pyarrow.parquet

from rnnkit import arrow, batches

# ROWS=1000000 is what Benchmarks/ENGINES.md was made with.
ROWS = int(os.environ.get("ROWS", 4000))


def table(count, seed=0):
    """Sequences of 1 to 40 steps of 3 features."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 41, count)
    values = random.standard_normal((int(lengths.sum()), 3)).astype("float32")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    steps = pa.ListArray.from_arrays(pa.array(np.arange(0, values.size + 1, 3), pa.int32()), pa.array(values.reshape(-1)))
    return pa.table({"id": pa.array(np.arange(count)), "x": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), steps)})


def bits(ids, scores):
    """Scores in the order of their ids, as bytes."""
    order = np.argsort(np.asarray(ids))
    return np.asarray([score for score in scores], "float32")[order].tobytes()


@pytest.fixture(scope="module")
def model(samples):
    return rnnkit.open(samples / "head_last_step.rnn")


@pytest.fixture(scope="module")
def data():
    return table(ROWS)


@pytest.fixture(scope="module")
def alone(model, data):
    """What one process makes of the table."""
    return bits(data["id"], pa.array(arrow.run(model, data["x"])).to_pylist())


def test_polars(model, data, alone):
    polars = pytest.importorskip("polars", reason="polars is not installed here")
    from rnnkit.polars import score

    frame = polars.from_arrow(data)
    found = frame.with_columns(score("x", model).alias("score"))
    assert found["score"].dtype == polars.Array(polars.Float32, 4)
    assert bits(found["id"], found["score"].to_list()) == alone
    lazy = frame.lazy().filter(polars.col("id") % 2 == 0).with_columns(score("x", model).alias("score")).collect()
    even = data.filter(pa.compute.equal(pa.compute.bit_wise_and(data["id"], 1), 0))
    assert bits(lazy["id"], lazy["score"].to_list()) == bits(even["id"], pa.array(arrow.run(model, even["x"])).to_pylist())


def test_duckdb(model, data, alone):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed here")
    from rnnkit.duckdb import register

    connection = duckdb.connect(config={"threads": 2})
    register(connection, "score", model)
    connection.register("data", data)
    found = connection.sql("SELECT id, score(x) AS score FROM data").fetchall()
    assert bits([row[0] for row in found], [row[1] for row in found]) == alone
    assert connection.sql("SELECT score(NULL) AS score").fetchall() == [(None,)]


def test_dask(model, data, alone):
    dask = pytest.importorskip("dask", reason="dask is not installed here")
    pytest.importorskip("pandas", reason="pandas is not installed here")
    scorer = batches.Scorer(model, "x")
    parts = [dask.delayed(scorer)(data.slice(start, 999)) for start in range(0, ROWS, 999)]
    found = pa.concat_tables(dask.compute(*parts, scheduler="processes", num_workers=2))
    assert bits(found["id"], found["score"].to_pylist()) == alone


class Deadly(batches.Scorer):
    """Ends its process in the middle, once."""

    def __init__(self, *arguments, mark):
        super().__init__(*arguments)
        self.mark = mark

    def __call__(self, batch):
        if batch.column("id")[0].as_py() > ROWS // 3:
            try:
                os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


def test_ray(model, data, alone, tmp_path):
    ray = pytest.importorskip("ray", reason="ray is not installed here")
    import ray.data

    pa.parquet.write_table(data, tmp_path / "data.parquet", row_group_size=max(1, ROWS // 16))
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=300 << 20, _node_ip_address="127.0.0.1",
             runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}}, log_to_driver=False)
    try:
        for size, killed in ((max(1, ROWS // 20), True), (max(1, ROWS // 7), False)):
            dataset = ray.data.read_parquet(str(tmp_path / "data.parquet"))
            if killed:
                dataset = dataset.map_batches(
                    Deadly, fn_constructor_args=[model, "x"], fn_constructor_kwargs={"mark": str(tmp_path / "mark")},
                    batch_size=size, batch_format="pyarrow", concurrency=(2, 2), max_restarts=3, max_task_retries=3)
            else:
                dataset = dataset.map_batches(
                    batches.Scorer, fn_constructor_args=[model, "x"], batch_size=size, batch_format="pyarrow", concurrency=(1, 2))
            found = pa.concat_tables(pa.Table.from_batches([item]) if isinstance(item, pa.RecordBatch) else item
                                     for item in dataset.iter_batches(batch_format="pyarrow", batch_size=None))
            assert bits(found["id"], found["score"].to_pylist()) == alone
            assert not killed or (tmp_path / "mark").exists()
    finally:
        ray.shutdown()


@pytest.fixture(scope="module")
def spark():
    pytest.importorskip("pyspark", reason="pyspark is not installed here")
    from pyspark.sql import SparkSession

    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable)
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(sys.path)).getOrCreate())
    yield session
    session.stop()


def executors():
    """The executors' processes, which are this test's own."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            with open(f"/proc/{entry}/environ", "rb") as file:
                own = f"RNNKIT_TEST={os.getpid()}".encode() in file.read().split(b"\0")
        except OSError:
            continue
        if entry.isdigit() and own and b"org.apache.spark.executor.CoarseGrainedExecutorBackend" in words:
            found.append(int(entry))
    return found


@pytest.fixture(autouse=True, scope="module")
def marked():
    os.environ["RNNKIT_TEST"] = str(os.getpid())


def test_spark(spark, model, data, alone, tmp_path):
    import threading

    from rnnkit.spark import score

    pa.parquet.write_table(data, tmp_path / "data.parquet", row_group_size=max(1, ROWS // 16))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 333)
    frame = spark.read.parquet(str(tmp_path / "data.parquet"))

    def scores(partitions):
        rows = score(frame.repartition(partitions), model, "x").select("id", "score").toArrow()
        return bits(rows["id"], rows["score"].to_pylist())

    assert scores(3) == alone
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 1000)
    # One executor is killed while the second half is still to come.
    first, results = executors(), []
    assert len(first) == 2
    worker = threading.Thread(target=lambda: results.append(scores(16)))
    tracker, done = spark.sparkContext.statusTracker(), 0
    worker.start()
    while worker.is_alive() and done < 4:
        done = sum(tracker.getStageInfo(stage).numCompletedTasks for stage in tracker.getActiveStageIds()
                   if tracker.getStageInfo(stage) is not None)
    os.kill(first[0], signal.SIGKILL)
    worker.join()
    assert results == [alone]
    assert first[0] not in executors()


def test_spark_refuses_before_it_runs(spark, model):
    from rnnkit.spark import score

    frame = spark.createDataFrame([(1, [[0.5, 0.5, 0.5]])], "id bigint, x array<array<float>>")
    with pytest.raises(rnnkit.Error, match="no column"):
        score(frame, model, "y")
    with pytest.raises(rnnkit.Error, match="already"):
        score(frame, model, "x", "id")
    assert len(score(frame, model, "x").collect()[0]["score"]) == 4
