"""Checks the ONNX files that `rnn convert` writes: onnx.checker, ONNX Runtime, and the samples' own outputs.

    python check_onnx.py RNN SAMPLES

RNN is the command, SAMPLES a folder of models with reference cases in HDF5. Each is converted to ONNX, and every case is
replayed by ONNX Runtime. Its outputs must be within 1e-6 + 1e-5·|y| of what the exporting framework gave; the largest
distances from float64 of both are printed. Needs h5py, numpy, onnx 1.22.0 and onnxruntime 1.32.0.
"""

import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import onnx
import onnxruntime

# What ONNX cannot hold, and what the command says of it.
REFUSED = {
    "ONNX's LSTM has no projection": 0,
    "the modules are no chain": 0,
    "RNNKit does not know what it computes": 0,
    "no recurrent layer": 0,
}


def convert(rnn, source, target):
    """Converts, and returns the command's last line where it refused."""
    result = subprocess.run([rnn, "convert", "--quiet", source, target], capture_output=True, text=True)
    return None if result.returncode == 0 else (result.stderr.strip().splitlines() or ["?"])[-1]


def replay(session, inputs, case, batch_first, name):
    """One case by ONNX Runtime: yields member, result and expected value."""
    x = case["input"][...]
    declared = next(i for i in inputs if i.name == "input")
    unbatched = x.ndim == len(declared.shape) - 1
    axis = 0 if batch_first else 1
    lift = (lambda a: np.expand_dims(a, axis)) if unbatched else (lambda a: a)
    feed = {"input": lift(x)}
    if feed["input"].shape[axis] == 0:
        return  # ONNX Runtime 1.32 crashes on a batch of 0.
    for key in case:
        if key.split(".")[-1] in ("h0", "c0"):
            feed[key] = case[key][...][:, None] if unbatched else case[key][...]
    if "lengths" in case:
        feed["lengths"] = case["lengths"][...]
    types = {i.name: i.type for i in inputs}
    feed = {k: v.astype({"tensor(float)": "f4", "tensor(double)": "f8", "tensor(int64)": "i8", "tensor(float16)": "f2"}
                        [types[k]]) for k, v in feed.items()}
    outputs = [o.name for o in session.get_outputs()]
    for member, result in zip(outputs, session.run(outputs, feed)):
        if member not in case:
            assert member in ("cn",) or member.endswith((".hn", ".cn", "hn")), f"{name}: no {member} to compare with"
            continue
        expected = case[member][...]
        if unbatched:
            is_state = member.split(".")[-1] in ("hn", "cn")
            result = result[:, 0] if is_state else result[0] if batch_first or result.ndim == 2 else result[:, 0]
        yield member, result, expected


def main(rnn, samples):
    onnxruntime.set_default_logger_severity(3)
    worst, own, checked, failed = 0.0, 0.0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(pathlib.Path(samples).rglob("*.h5")):
            name = source.stem
            target = f"{folder}/{name}.onnx"
            refusal = convert(rnn, str(source), target)
            if refusal is not None:
                reason = next((r for r in REFUSED if r in refusal), None)
                if reason is None:
                    failed.append(f"{name}: {refusal}")
                else:
                    REFUSED[reason] += 1
                continue
            model = onnx.load(target)
            onnx.checker.check_model(model, full_check=True)
            if any(i.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE for i in model.graph.input):
                print(f"{name}: valid; ONNX Runtime has no recurrent operators in float64")
                continue
            session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
            inputs = session.get_inputs() + session.get_overridable_initializers()
            batch_first = session.get_inputs()[0].shape[0] == "batch"
            with h5py.File(source) as file:
                for case_name, case in file.get("cases", {}).items():
                    if "modules" in case.attrs.get("metadata", ""):
                        continue
                    for member, result, expected in replay(session, inputs, case, batch_first, f"{name}, {case_name}"):
                        checked += 1
                        if result.shape != expected.shape:
                            failed.append(f"{name}, {case_name}, {member}: {result.shape}, expected {expected.shape}")
                            continue
                        error = np.abs(result - expected) if result.size else np.zeros(1)
                        if (error > 1e-6 + 1e-5 * np.abs(expected)).any():
                            failed.append(f"{name}, {case_name}, {member}: off by {error.max():.3g}")
                        if member + "64" in case:
                            exact = case[member + "64"][...]
                            worst = max(worst, np.abs(result - exact).max(initial=0))
                            own = max(own, np.abs(expected - exact).max(initial=0))
    print(f"{checked} outputs compared; furthest from float64: ONNX Runtime {worst:.3g}, the exporting framework {own:.3g}")
    print("refused: " + ", ".join(f"{count} ({reason})" for reason, count in REFUSED.items() if count))
    for line in failed:
        print("FAILED " + line)
    return 1 if failed or not checked else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
