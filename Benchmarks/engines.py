"""Spark and Ray beside `model.run` in one process, and onnxruntime in the same mapInArrow: writes Benchmarks/ENGINES.md.

`make bench-engines`, or `python3 Benchmarks/engines.py [--output FILE]` with a Python that has rnnkit, pyspark, ray, pyarrow and
onnxruntime. Contenders run in turn, in an order that rotates, and a ratio is of two times of one round. What a contender costs is
the processor's time of all its processes: wall time hides that Spark's JVM and its Python work side by side.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import threading
import time

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet
import pyspark
import ray
import ray.data

import rnnkit
from rnnkit import arrow, batches

STEPS, FILES, MARK = 20, 4, f"RNNKIT_BENCH={os.getpid()}".encode()


def model_files(folder, features, hidden):
    """LSTM(features, hidden) and a Linear to one number, in our format and in ONNX's."""
    random = np.random.default_rng(1)
    shapes = {"lstm.weight_ih_l0": (4 * hidden, features), "lstm.weight_hh_l0": (4 * hidden, hidden),
              "lstm.bias_ih_l0": (4 * hidden,), "lstm.bias_hh_l0": (4 * hidden,), "fc.weight": (1, hidden), "fc.bias": (1,)}
    np.savez(folder + "/model.npz", **{name: (random.standard_normal(shape) / 20).astype("float32") for name, shape in shapes.items()})
    for name in ("model.rnn", "model.onnx"):
        rnnkit.convert(folder + "/model.npz", f"{folder}/{name}", forward="fc(last(lstm(x)))")
    return rnnkit.open(folder + "/model.rnn"), open(folder + "/model.onnx", "rb").read()


def column(values, lengths):
    """Sequences of so many steps each, out of rows of features."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    steps = pa.ListArray.from_arrays(pa.array(np.arange(0, values.size + 1, values.shape[1]), pa.int32()), pa.array(values.reshape(-1)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), steps)


class Meter(threading.Thread):
    """Processor seconds of this process, and of all that it started: by each process's last reading, as one that ended takes its
    time along."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ticks, self.others, self.own, self.lock = {}, set(), 0.0, threading.Lock()

    def read(self):
        with self.lock:
            for entry in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{entry}/stat") as file:
                        words = file.read().rsplit(")", 1)[1].split()
                    key = entry, words[19]
                    if key in self.others:
                        continue
                    if key not in self.ticks:
                        with open(f"/proc/{entry}/environ", "rb") as file:
                            if MARK not in file.read().split(b"\0"):
                                self.others.add(key)
                                continue
                    self.ticks[key] = int(words[11]) + int(words[12])
                except OSError:
                    continue
            return time.process_time() - self.own + sum(self.ticks.values()) / os.sysconf("SC_CLK_TCK")

    def run(self):
        while True:
            time.sleep(0.2)
            before = time.thread_time()
            self.read()
            self.own += time.thread_time() - before


def session(onnx):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def onnx_run(opened, x):
    """In batches of 256; x is (rows, time, features), the model is time-major."""
    name = opened.get_inputs()[0].name
    return np.concatenate([
        opened.run(["y"], {name: np.ascontiguousarray(x[start:start + 256].swapaxes(0, 1))})[0] for start in range(0, len(x), 256)])


def through(onnx, features):
    """What mapInArrow calls: onnxruntime, or nothing where there is no model."""

    def run(given):
        import numpy
        import onnxruntime
        import pyarrow

        if onnx is not None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            opened = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
            name = opened.get_inputs()[0].name
        for batch in given:
            y = numpy.zeros((batch.num_rows, 1), "float32")
            if onnx is not None:
                x = batch.column("x").flatten().flatten().to_numpy().reshape(batch.num_rows, STEPS, features)
                parts = [
                    opened.run(["y"], {name: numpy.ascontiguousarray(x[start:start + 256].swapaxes(0, 1))})[0]
                    for start in range(0, len(x), 256)]
                y = numpy.concatenate(parts).reshape(-1, 1)
            yield pyarrow.RecordBatch.from_arrays([pyarrow.array(y[:, 0])], names=["score"])

    return run


class Nothing:
    """A batch's way through an actor without a model."""

    def __call__(self, batch):
        return batch.append_column("score", pa.array(np.zeros(batch.num_rows, "float32")))


def contenders(spark, folder, model, onnx, values, features):
    rows = len(values) // STEPS
    sequences, table = values.reshape(rows, STEPS, features), pa.table({"id": np.arange(rows), "x": column(values, np.full(rows, STEPS))})
    size = -(-rows // FILES)
    os.mkdir(folder + "/parquet")
    for start in range(0, rows, size):
        pa.parquet.write_table(table.slice(start, size), f"{folder}/parquet/{start:09}.parquet")
    frame, opened = spark.read.parquet(folder + "/parquet"), session(onnx)
    by_time = np.ascontiguousarray(sequences.swapaxes(0, 1))
    from rnnkit.spark import score

    def from_parquet():
        for file in sorted(os.listdir(folder + "/parquet")):
            for batch in pa.parquet.ParquetFile(f"{folder}/parquet/{file}").iter_batches(10_000, columns=["x"]):
                pa.array(arrow.run(model, batch.column("x")))

    def written(frame):
        frame.write.format("noop").mode("overwrite").save()

    def with_ray(scorer, **constructor):
        dataset = ray.data.read_parquet(folder + "/parquet", columns=["x"]).map_batches(
            scorer, batch_size=10_000, batch_format="pyarrow", compute=ray.data.ActorPoolStrategy(size=1), **constructor)
        for _ in dataset.select_columns(["score"]).iter_batches(batch_format="pyarrow", batch_size=None):
            pass

    def nothing_in_spark():
        written(frame.select("x").mapInArrow(through(None, features), "score float"))

    return {
        "`model.run`, one process": lambda: model.run(by_time),
        "`arrow.run`, one process": lambda: pa.array(arrow.run(model, table["x"])),
        "Parquet and `arrow.run`, one process": from_parquet,
        "onnxruntime, one process": lambda: onnx_run(opened, sequences),
        "Spark, rnnkit, `keep=[]`": lambda: written(score(frame, model, "x", keep=[])),
        "Spark, rnnkit, every column back": lambda: written(score(frame, model, "x")),
        "Spark, onnxruntime": lambda: written(frame.select("x").mapInArrow(through(onnx, features), "score float")),
        "Spark, nothing computed": nothing_in_spark,
        "Ray, rnnkit": lambda: with_ray(batches.Scorer, fn_constructor_args=[model, "x"]),
        "Ray, nothing computed": lambda: with_ray(Nothing),
    }


def measured(actions, rounds):
    """Wall and processor seconds of each round."""
    found = {name: [] for name in actions}
    meter = Meter()
    meter.start()
    names = list(actions)
    for action in actions.values():
        action()
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            processor, wall = meter.read(), time.perf_counter()
            actions[name]()
            found[name].append((time.perf_counter() - wall, meter.read() - processor))
    return found


def shares(model, columns, rounds):
    """Of `arrow.run`: the model, Arrow in, Arrow out; medians of the rounds, as shares."""
    inside, run = [0.0], rnnkit.Model.run

    def timed(self, *arguments, **options):
        start = time.process_time()
        try:
            return run(self, *arguments, **options)
        finally:
            inside[0] += time.process_time() - start

    found = []
    rnnkit.Model.run = timed
    try:
        for _ in range(rounds):
            taken = [0.0, 0.0]
            inside[0] = 0.0
            for item in columns:
                start = time.process_time()
                scores = arrow.run(model, item)
                middle = time.process_time()
                pa.array(scores)
                taken[0] += middle - start
                taken[1] += time.process_time() - middle
            total = sum(taken)
            found.append((inside[0] / total, (taken[0] - inside[0]) / total, taken[1] / total, total))
    finally:
        rnnkit.Model.run = run
    return [statistics.median(item) for item in zip(*found)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beside", default="", help="what else the machine did meanwhile")
    arguments = parser.parse_args()
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable,
                      RNNKIT_BENCH=str(os.getpid()), RAY_worker_niceness="0")
    load = os.getloadavg()[0]
    from pyspark.sql import SparkSession

    spark = (SparkSession.builder.master("local-cluster[1,1,1024]").config("spark.driver.host", "127.0.0.1")
             .config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
             .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(sys.path)).getOrCreate())
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=500 << 20, _node_ip_address="127.0.0.1",
             runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}}, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    text = f"""# Engines

`make bench-engines`: sequences through a model in one process, in Spark and in Ray, by one thread, one executor of one slot and one
actor. Data lie in {FILES} Parquet files; {arguments.rounds} rounds, contenders in turn. A ratio is to `model.run` on a NumPy array in
the same round, and higher is better; medians. "Processor" counts the time of every process that a contender has, the JVMs and Ray's
own too, so it is the throughput per core; "wall" lets JVM and Python work side by side on two cores, and counts what starting a job
takes ({{starts}}). Ray's workers run at the priority of others, not at their nice 15.

{platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}; pyspark {pyspark.__version__}, ray {ray.__version__}, pyarrow \
{pa.__version__}, onnxruntime {onnxruntime.__version__}, Python {platform.python_version()}. Load average at the start {load:.1f}. {arguments.beside}
"""
    for features, hidden, rows in ((3, 32, arguments.rows), (16, 128, arguments.rows // 5)):
        folder = tempfile.mkdtemp()
        try:
            model, onnx = model_files(folder, features, hidden)
            values = np.random.default_rng(0).standard_normal((rows * STEPS, features)).astype("float32")
            found = measured(contenders(spark, folder, model, onnx, values, features), arguments.rounds)
            base = found["`model.run`, one process"]
            text += f"""
## LSTM({features}, {hidden}), {rows:,} sequences of {STEPS} steps

| | sequences a second of a processor | of `model.run`, processor | of `model.run`, wall |
|---|---:|---:|---:|
"""
            for name, times in found.items():
                ratios = [statistics.median(one[i] / other[i] for one, other in zip(base, times)) for i in (1, 0)]
                if "nothing" in name:
                    ratios = [None, None]
                text += f"| {name} | {rows / statistics.median(item[1] for item in times):,.0f} | " + " | ".join(
                    "" if ratio is None else f"{ratio:.2f}" for ratio in ratios) + " |\n"
            text += "\n| of the processor's time, % | engine | Arrow in | model | Arrow out |\n|---|---:|---:|---:|---:|\n"
            lengths = np.random.default_rng(1).integers(1, 2 * STEPS, rows)
            lengths = lengths[:np.searchsorted(np.cumsum(lengths), rows * STEPS)]
            for name, counts in (("", np.full(rows, STEPS)), (f", lengths 1 to {2 * STEPS - 1}", lengths)):
                whole = column(values[:counts.sum()], counts)
                pieces = [whole.slice(start, 10_000) for start in range(0, len(counts), 10_000)]
                inside, before, after, total = shares(model, pieces, arguments.rounds)
                text += f"| batches of 10,000{name} | | {before:.1%} | {inside:.1%} | {after:.1%} |\n".replace("%", "")
                if not name:
                    for engine in ("Spark, rnnkit, `keep=[]`", "Spark, rnnkit, every column back", "Ray, rnnkit"):
                        all_of_it = statistics.median(item[1] for item in found[engine])
                        rest = max(0.0, 1 - total / all_of_it)
                        text += (f"| {engine} | {rest:.1%} | {before * (1 - rest):.1%} | {inside * (1 - rest):.1%} | "
                                 f"{after * (1 - rest):.1%} |\n").replace("%", "")
            print(text, flush=True)
        finally:
            shutil.rmtree(folder)
    # A job of hardly anything.
    folder = tempfile.mkdtemp()
    model, onnx = model_files(folder, 3, 32)
    few = measured(contenders(spark, folder, model, onnx, np.zeros((8 * STEPS, 3), "float32"), 3), 3)
    shutil.rmtree(folder)
    text = text.replace("{starts}", " and ".join(
        f"{statistics.median(item[0] for item in few[name]):.1f} s in {name.split(',')[0]}"
        for name in ("Spark, rnnkit, `keep=[]`", "Ray, rnnkit")))
    print(text)
    if arguments.output:
        with open(arguments.output, "w") as file:
            file.write(text)
    spark.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
