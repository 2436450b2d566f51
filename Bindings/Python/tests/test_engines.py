"""The real engines, where they are installed: the bits of one process, whatever the partitioning and whoever dies."""

import os
import signal

import numpy as np
import pytest

import rnnkit

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed here")
import pyarrow.parquet  # noqa: F401  A submodule, used as pa.parquet.

from rnnkit import arrow, batches

# ROWS=1000000 takes some minutes.
ROWS = int(os.environ.get("ROWS", 4000))
LONGEST, PARTS = 40, 8


def table(count, seed=0):
    """Sequences of 1 to 40 steps of 3 features."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, LONGEST + 1, count)
    values = random.standard_normal((int(lengths.sum()), 3)).astype("float32")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    steps = pa.ListArray.from_arrays(pa.array(np.arange(0, values.size + 1, 3), pa.int32()), pa.array(values.reshape(-1)))
    return pa.table({"id": pa.array(np.arange(count)), "x": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), steps)})


def bits(found):
    """The scores of a table in the order of its ids, as bytes."""
    scores = found["score"].combine_chunks()
    assert scores.null_count == 0 and scores.type.value_type == pa.float32()
    values = scores.flatten().to_numpy().reshape(len(scores), -1)
    return values[np.argsort(found["id"].to_numpy())].tobytes()


@pytest.fixture(scope="module")
def model(samples):
    return rnnkit.open(samples / "head_last_step.rnn")


@pytest.fixture(scope="module")
def data():
    return table(ROWS)


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    """The table in Parquet files, of several row groups each."""
    result = tmp_path_factory.mktemp("parquet")
    size = -(-ROWS // PARTS)
    for start in range(0, ROWS, size):
        pa.parquet.write_table(data.slice(start, size), result / f"{start:09}.parquet", row_group_size=size // 3)
    return result


@pytest.fixture(scope="module")
def alone(model, data):
    """What `Model.run` makes of the table's numbers in this process, all sequences of one length at once."""
    offsets = data["x"].combine_chunks().offsets.to_numpy()
    values = data["x"].combine_chunks().flatten().flatten().to_numpy().reshape(-1, 3)
    lengths, result = np.diff(offsets), np.empty((ROWS, 4), "float32")
    for length in range(1, LONGEST + 1):
        rows = np.flatnonzero(lengths == length)
        if len(rows):
            result[rows] = model.run(values[offsets[rows][:, np.newaxis] + np.arange(length)])
    for row in range(0, ROWS, max(1, ROWS // 100)):
        assert result[row].tobytes() == model.run(values[offsets[row]:offsets[row + 1]]).tobytes()
    return result.tobytes()


def test_one_process(model, data, folder, alone):
    for rows, threads in ((96, 1), (1920, 2)):
        scores = pa.array(arrow.run(model, data["x"], rows=rows, threads=threads))
        assert bits(pa.table({"id": data["id"], "score": scores})) == alone
    scorer = batches.Scorer(model, "x")
    tables = [scorer(pa.parquet.read_table(path)) for path in sorted(folder.iterdir(), reverse=True)]
    assert bits(pa.concat_tables(tables)) == alone


def test_polars(model, folder, data, alone):
    polars = pytest.importorskip("polars", reason="polars is not installed here")
    from rnnkit.polars import score

    frame = polars.from_arrow(data)
    found = frame.with_columns(score("x", model).alias("score"))
    assert found["score"].dtype == polars.Array(polars.Float32, 4)
    assert bits(found.to_arrow()) == alone
    lazy = polars.scan_parquet(folder / "*.parquet").select("id", score("x", model).alias("score"))
    for engine in ("in-memory", "streaming"):
        assert bits(lazy.collect(engine=engine).to_arrow()) == alone
    some = lazy.filter(polars.col("id") % 2 == 0).collect()
    assert bits(some.to_arrow()) == np.frombuffer(alone, "float32").reshape(ROWS, 4)[::2].tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_duckdb(model, folder, alone, threads):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed here")
    from rnnkit.duckdb import register

    connection = duckdb.connect(config={"threads": threads})
    register(connection, "score", model)
    found = connection.sql(f"SELECT id, score(x) AS score FROM '{folder}/*.parquet' WHERE len(x) > 0").to_arrow_table()
    assert bits(found) == alone
    assert connection.sql("SELECT score(NULL) AS score").fetchall() == [(None,)]


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_dask(model, folder, alone, scheduler):
    bag = pytest.importorskip("dask.bag", reason="dask is not installed here")
    tables = bag.from_sequence(sorted(map(str, folder.iterdir())), npartitions=3).map(pa.parquet.read_table)
    scored = tables.map(batches.Scorer(model, "x")).map(lambda table: table.select(["id", "score"]))
    assert bits(pa.concat_tables(scored.compute(scheduler=scheduler, num_workers=2))) == alone


def test_dask_frames(model, data, alone, tmp_path):
    frames = pytest.importorskip("dask.dataframe", reason="dask.dataframe is not installed here")
    # Each step is an object of NumPy's in pandas, so these are not a million.
    rows = min(ROWS, 20000)
    for start in range(0, rows, 1500):
        pa.parquet.write_table(data.slice(start, min(1500, rows - start)), tmp_path / f"{start:06}.parquet")
    frame = frames.read_parquet(tmp_path)
    scored = frame.map_partitions(batches.Scorer(model, "x"), meta={**frame.dtypes, "score": object})
    found = scored[["id", "score"]].compute(scheduler="processes", num_workers=2)
    assert bits(pa.Table.from_pandas(found)) == alone[:rows * 16]


def test_beam(model, folder, alone, tmp_path):
    beam = pytest.importorskip("apache_beam", reason="apache_beam is not installed here")
    schema = pa.schema([("id", pa.int64()), ("score", pa.list_(pa.float32(), 4))])
    with beam.Pipeline() as pipeline:
        tables = pipeline | beam.io.ReadFromParquetBatched(f"{folder}/*.parquet") | beam.Map(batches.Scorer(model, "x"))
        scored = tables | beam.Map(lambda table: table.select(["id", "score"]))
        scored | beam.io.WriteToParquetBatched(str(tmp_path / "found"), schema, file_name_suffix=".parquet")
    assert bits(pa.parquet.read_table(tmp_path)) == alone


def once(mark):
    """Whether nobody asked before; the mark holds who did."""
    try:
        file = os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    os.write(file, str(os.getpid()).encode())
    os.close(file)
    return True


class Deadly(batches.Scorer):
    """Ends its process half-way, once; tells which processes there were."""

    def __init__(self, *arguments, mark):
        super().__init__(*arguments)
        self.mark = mark

    def __call__(self, batch):
        open(f"{self.mark}-{os.getpid()}", "w").close()
        if batch.column("id")[0].as_py() > ROWS // 2 and once(self.mark):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


@pytest.mark.parametrize("killed", [True, False])
def test_ray(ray_data, model, folder, alone, killed, tmp_path):
    mark = tmp_path / "mark"
    # In pieces for both actors: small files are read as one.
    dataset = ray_data.read_parquet(str(folder)).repartition(PARTS if killed else PARTS // 2)
    how = {"fn_constructor_args": [model, "x"], "batch_format": "pyarrow", "batch_size": max(1, ROWS // (100 if killed else 70)),
           "compute": ray_data.ActorPoolStrategy(size=2)}
    if killed:
        scored = dataset.map_batches(Deadly, fn_constructor_kwargs={"mark": str(mark)}, **how)
    else:
        scored = dataset.map_batches(batches.Scorer, **how)
    found = pa.concat_tables(
        pa.table({"id": item["id"], "score": item["score"]}) for item in scored.iter_batches(batch_format="pyarrow", batch_size=None))
    assert bits(found) == alone
    if killed:
        # Two actors, and one in the place of one of them.
        assert mark.exists() and len(list(tmp_path.glob("mark-*"))) == 3


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


def test_spark(spark, model, folder, alone):
    from rnnkit.spark import score

    frame = spark.read.parquet(str(folder))
    for partitions, size in ((3, max(1, ROWS // 12)), (7, max(1, ROWS // 1000))):
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", size)
        scored = score(frame.repartition(partitions), model, "x")
        assert scored.columns == ["id", "x", "score"]
        assert bits(scored.select("id", "score").toArrow()) == alone


def test_spark_goes_on_without_an_executor(spark, model, folder, alone, tmp_path):
    from rnnkit.spark import score

    mark, partitions = str(tmp_path / "mark"), 16
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", max(1, ROWS // partitions // 10))
    frame = spark.read.parquet(str(folder)).repartition(partitions)

    def deadly(batches):
        """Kills the executor that comes first to a partition of the second half, in its midst."""
        from pyspark import TaskContext

        for number, batch in enumerate(batches):
            if number == 5 and TaskContext.get().partitionId() >= partitions // 2:
                above = os.getppid()
                while b"CoarseGrainedExecutorBackend" not in open(f"/proc/{above}/cmdline", "rb").read():
                    above = int(open(f"/proc/{above}/stat").read().rsplit(")", 1)[1].split()[1])
                try:
                    file = os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                except FileExistsError:
                    pass
                else:
                    os.write(file, str(above).encode())
                    os.kill(above, 9)
            yield batch

    first = executors()
    assert len(first) == 2
    found = score(frame.mapInArrow(deadly, frame.schema), model, "x", keep=["id"]).toArrow()
    assert found.column_names == ["id", "score"]
    assert bits(found) == alone
    killed = int(open(mark).read())
    assert killed in first and killed not in executors()


def test_spark_sends_models_of_one_name(spark, samples, tmp_path):
    from rnnkit.spark import score

    x = [[0.5, 0.25, -0.5, 1.0]] * 3
    frame, found = spark.createDataFrame([(x,)], "`x y` array<array<float>>"), []
    for name in ("lstm.rnn", "gru.rnn"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.rnn").write_bytes((samples / name).read_bytes())
        found.append(np.array(score(frame, tmp_path / name / "model.rnn", "x y", keep=[]).collect()[0]["score"], "float32"))
        assert found[-1].tobytes() == rnnkit.open(samples / name).run(np.array(x, "float32")).tobytes()
    assert found[0].tobytes() != found[1].tobytes()


def test_spark_refuses_before_it_runs(spark, model):
    from rnnkit.spark import score

    frame = spark.createDataFrame([(1, [[0.5, 0.5, 0.5]])], "id bigint, x array<array<float>>")
    with pytest.raises(rnnkit.Error, match="no column"):
        score(frame, model, "y")
    with pytest.raises(rnnkit.Error, match="no column"):
        score(frame, model, "x", keep=["y"])
    with pytest.raises(rnnkit.Error, match="already"):
        score(frame, model, "x", "id")
    assert len(score(frame, model, "x").collect()[0]["score"]) == 4
