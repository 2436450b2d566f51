"""Sequences a second on one core: rnnkit in one process, in Spark and in Ray, and onnxruntime in the same mapInArrow.

`python3 Benchmarks/engines.py MODEL.rnn` needs rnnkit, pyspark, ray, pyarrow and onnxruntime. Ratios are to one process of
rnnkit, measured in turn; what an engine spends beside the model is what is missing to 1.
"""

import os
import statistics
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet

import rnnkit
from rnnkit import arrow, batches

ROWS, STEPS, ROUNDS = int(os.environ.get("ROWS", 200_000)), 20, 3


def data(features):
    values = np.random.default_rng(0).standard_normal(ROWS * STEPS * features).astype("float32")
    steps = pa.ListArray.from_arrays(pa.array(np.arange(0, values.size + 1, features), pa.int32()), pa.array(values))
    rows = pa.ListArray.from_arrays(pa.array(np.arange(0, ROWS * STEPS + 1, STEPS), pa.int32()), steps)
    return pa.table({"id": np.arange(ROWS), "x": rows})


def timed(action):
    action()
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def main(path):
    model = rnnkit.open(path)
    table = data(model.inputs[0].shape[-1])
    folder = tempfile.mkdtemp()
    pyarrow.parquet.write_table(table, f"{folder}/data.parquet", row_group_size=ROWS // 8)
    rnnkit.convert(path, f"{folder}/model.onnx", no_cases=True)
    results = {"rnnkit.arrow.run": timed(lambda: arrow.run(model, table["x"]))}

    def from_file():
        for batch in pyarrow.parquet.ParquetFile(f"{folder}/data.parquet").iter_batches(10_000):
            arrow.run(model, batch.column("x"))

    results["from Parquet, one process"] = timed(from_file)

    from pyspark.sql import SparkSession
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable)
    spark = (SparkSession.builder.master("local-cluster[1,1,1024]").config("spark.driver.host", "127.0.0.1")
             .config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
             .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(sys.path)).getOrCreate())
    from rnnkit.spark import score
    frame = spark.read.parquet(f"{folder}/data.parquet")
    results["Spark, rnnkit"] = timed(lambda: score(frame, model, "x").select("score").write.format("noop").mode("overwrite").save())
    onnx = open(f"{folder}/model.onnx", "rb").read()
    first = model.batch_first

    def through(batches, computes):
        import numpy
        import onnxruntime
        import pyarrow
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        inputs = session.get_inputs()
        for batch in batches:
            column = batch.column("x")
            x = column.values.values.to_numpy()[: batch.num_rows * STEPS * 3].reshape(batch.num_rows, STEPS, -1)
            y = numpy.zeros((batch.num_rows, 1), "float32")
            if computes:
                parts = []
                for start in range(0, len(x), 256):
                    part = x[start:start + 256]
                    part = part if first else part.swapaxes(0, 1)
                    parts.append(session.run(None, {inputs[0].name: numpy.ascontiguousarray(part)})[0])
            yield pyarrow.RecordBatch.from_arrays([pyarrow.array(y[:, 0])], names=["score"])

    def writes(function):
        return lambda: frame.mapInArrow(function, "score float").write.format("noop").mode("overwrite").save()

    results["Spark, onnxruntime"] = timed(writes(lambda batches: through(batches, True)))
    results["Spark, nothing computed"] = timed(writes(lambda batches: through(batches, False)))
    spark.stop()

    import ray
    import ray.data
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=300 << 20, _node_ip_address="127.0.0.1",
             runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}}, log_to_driver=False)

    def with_ray():
        dataset = ray.data.read_parquet(f"{folder}/data.parquet").map_batches(
            batches.Scorer, fn_constructor_args=[model, "x"], batch_size=10_000, batch_format="pyarrow", concurrency=(1, 1))
        for _ in dataset.iter_batches(batch_format="pyarrow", batch_size=None):
            pass

    results["Ray, one actor"] = timed(with_ray)
    ray.shutdown()
    base = results["rnnkit.arrow.run"]
    print(f"{ROWS} sequences of {STEPS} steps, {model!r}\n\n| | sequences/s | of one process |\n|---|---:|---:|")
    for name, seconds in results.items():
        print(f"| {name} | {ROWS / seconds:,.0f} | {base / seconds:.2f} |")


if __name__ == "__main__":
    main(sys.argv[1])
