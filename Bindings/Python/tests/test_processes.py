"""Threads, forks, pickles and memory."""

import concurrent.futures
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import rnnkit


def fresh(code, *arguments, data=b""):
    """Runs code in a new Python."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("from_bytes", [False, True])
def test_pickles_into_a_new_process(samples, from_bytes):
    path = samples / "head_last_step.rnn"
    model = rnnkit.open(path.read_bytes() if from_bytes else path, forward="fc(first(lstm(x)))", threads=2)
    x = np.random.default_rng(1).standard_normal((5, 2, model.inputs[0].shape[-1])).astype("float32")
    code = "import sys, pickle; model, x = pickle.load(sys.stdin.buffer); sys.stdout.buffer.write(model.run(x).tobytes())"
    assert fresh(code, data=pickle.dumps((model, x))) == model.run(x).tobytes()


def test_a_process_opens_a_pickled_model_once(samples):
    data = pickle.dumps(rnnkit.open(samples / "lstm.rnn"))
    first = pickle.loads(data)
    assert pickle.loads(data) is first
    assert pickle.loads(pickle.dumps(first)) is first


def test_a_pickle_does_not_open_another_file(samples, tmp_path):
    path = tmp_path / "m.rnn"
    path.write_bytes((samples / "lstm.rnn").read_bytes())
    data = pickle.dumps(rnnkit.open(path))
    path.write_bytes((samples / "gru.rnn").read_bytes())
    with pytest.raises(rnnkit.Error, match="checksum"):
        pickle.loads(data)
    path.unlink()
    with pytest.raises(rnnkit.Error) as caught:
        pickle.loads(data)
    assert caught.value.kind == rnnkit.Kind.MISSING_INPUT


def test_a_file_that_was_changed_is_not_pickled(samples, tmp_path):
    path, new = tmp_path / "m.rnn", tmp_path / "new"
    path.write_bytes((samples / "lstm.rnn").read_bytes())
    model = rnnkit.open(path)
    new.write_bytes((samples / "gru.rnn").read_bytes())
    os.replace(new, path)
    with pytest.raises(rnnkit.Error, match="changed"):
        pickle.dumps(model)


def test_states_and_streams_pickle(samples):
    model = rnnkit.open(samples / "lstm.rnn")
    x = np.random.default_rng(2).standard_normal((9, 4)).astype("float32")
    whole, stream = model.run(x), model.stream()
    first = stream(x[:5])
    code = "import sys, pickle; stream, x = pickle.load(sys.stdin.buffer); sys.stdout.buffer.write(stream(x).tobytes())"
    assert first.tobytes() + fresh(code, data=pickle.dumps((stream, x[5:]))) == whole.tobytes()


def test_runs_in_parent_and_child_after_a_fork(samples):
    model = rnnkit.open(samples / "lstm.rnn", threads=2)
    hdf5 = samples / "lstm.h5"
    x = np.random.default_rng(3).standard_normal((20, 8, 4)).astype("float32")
    expected = model.run(x).tobytes()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        good = False
        try:
            good = model.run(x).tobytes() == expected and rnnkit.open(hdf5).run(x).tobytes() == expected
        finally:
            os.write(writing, b"y" if good else b"n")
            os._exit(0)
    assert model.run(x).tobytes() == expected
    os.waitpid(child, 0)
    assert os.read(reading, 1) == b"y"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_process_pools_give_the_same_bits(samples, method):
    model = rnnkit.open(samples / "lstm.rnn")
    x = [np.random.default_rng(seed).standard_normal((6, 2, 4)).astype("float32") for seed in range(4)]
    expected = [model.run(item).tobytes() for item in x]
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        assert [result.tobytes() for result in pool.map(model.run, x)] == expected


def test_threads_share_a_model(samples):
    model = rnnkit.open(samples / "lstm.rnn")
    x = np.random.default_rng(4).standard_normal((30, 4, 4)).astype("float32")
    expected = model.run(x).tobytes()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert {item.tobytes() for item in pool.map(lambda _: model.run(x), range(64))} == {expected}


def test_many_streams_from_two_threads(samples):
    model = rnnkit.open(samples / "lstm_1_layer.rnn")
    features = model.inputs[0].shape[-1]
    x = np.random.default_rng(5).standard_normal((1000, 3, features)).astype("float32")
    streams = [model.stream(chunk=1) for _ in range(1000)]

    def serve(numbers):
        return [np.concatenate([streams[i](x[i, step:step + 1]) for step in range(3)]).tobytes() for i in numbers]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = sum(pool.map(serve, [range(0, 500), range(500, 1000)]), [])
    assert found == [model.run(x[i]).tobytes() for i in range(1000)]


@pytest.mark.parametrize("what", ["open", "run", "verify"])
def test_other_threads_go_on_meanwhile(large, what):
    """Nothing switches threads but a call that gives up the GIL."""
    model = rnnkit.open(large)
    x = np.zeros((50, 1, 64), "float32")
    model = model.with_case("zeros", input=x, y=model.run(x))
    actions = {"open": lambda: rnnkit.open(large), "run": lambda: model.run(x), "verify": model.verify}
    counted, ended = [0], threading.Event()

    def count():
        while not ended.is_set():
            counted[0] += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    thread = threading.Thread(target=count)
    try:
        thread.start()
        before = counted[0]
        # One call may be over before the other thread wakes up; were the GIL kept, it never would.
        for _ in range(1000):
            actions[what]()
            after = counted[0]
            if after > before:
                break
    finally:
        sys.setswitchinterval(interval)
        ended.set()
        thread.join()
    assert after > before


MAPPED = """
import pickle, sys, numpy, rnnkit
def memory(name):
    lines = [line.split() for line in open("/proc/self/" + name)]
    return lines
def private():
    return sum(int(line[1]) for line in memory("smaps_rollup") if line[0] == "Private_Dirty:")
before = private()
model = pickle.load(open(sys.argv[1], "rb"))
model.describe()
grown, dirty, inodes, inside = private() - before, 0, set(), False
for line in memory("smaps"):
    if not line[0].endswith(":"):
        inside = line[-1] == sys.argv[2]
        if inside:
            inodes.add((line[1], int(line[4])))
    elif inside and line[0] == "Private_Dirty:":
        dirty += int(line[1])
print((grown * 1024, dirty, inodes))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="this system has no /proc/self/smaps_rollup")
def test_processes_share_one_mapping_of_the_weights(large, tmp_path):
    (tmp_path / "pickle").write_bytes(pickle.dumps(rnnkit.open(large)))
    for _ in range(2):
        grown, dirty, mappings = eval(fresh(MAPPED, tmp_path / "pickle", large))
        assert {inode for _, inode in mappings} == {large.stat().st_ino}
        assert all("w" not in access for access, _ in mappings)
        # No page of the file is the process's own, and no copy of it lies elsewhere.
        assert dirty == 0 and grown < large.stat().st_size / 2


GROWTH = int(os.environ.get("GROWTH", 2000))


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="this system has no /proc/self/statm")
def test_opening_and_running_do_not_grow(samples):
    """GROWTH=10000000 for a night."""
    path, x, seen = str(samples / "lstm_1_layer.rnn"), None, []
    for number in range(GROWTH):
        model = rnnkit.open(path)
        x = np.zeros((2, 1, model.inputs[0].shape[-1]), "float32") if x is None else x
        model.run(x, outputs=["hn", "y"])
        state = model.state(1)
        model.run(x, state=state)
        with pytest.raises(rnnkit.Error):
            model.run(x, lengths=[3])
        if number % max(1, GROWTH // 10) == GROWTH // 10 - 1:
            seen.append(resident())
            if GROWTH >= 100000:
                print(f"{number + 1} of {GROWTH}: {seen[-1] >> 10} KiB resident", file=sys.__stderr__, flush=True)
    # The first tenth finds what the allocators keep.
    assert seen[-1] - seen[0] < 4 << 20
