"""A process that runs one of the peers: `peers.py torch|onnxruntime|openvino THREADS`.

It takes a JSON object a line on standard input and answers each with one. `torch` also makes the models: weights as a .pt
file, an ONNX file, an input, and the outputs in float64.
"""

import gc
import json
import os
import sys
import time
import warnings

from rows import Row


class Peer:
    """`load` makes `call`, which runs a row once, and returns the outputs of the row's input."""

    def load(self, row, folder):
        raise NotImplementedError

    def measure(self, seconds):
        call, times = self.call, []
        gc.collect()
        gc.disable()
        end = time.perf_counter() + seconds / 10
        while not times or time.perf_counter() < end:
            times = [call()]
        end, times = time.perf_counter() + seconds, []
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter_ns()
            call()
            times.append(time.perf_counter_ns() - start)
        gc.enable()
        times.sort()
        return {"best_us": times[0] / 1000, "median_us": times[len(times) // 2] / 1000}

    def fastest(self, *calls):
        """Of several ways to make the same call."""
        best = []
        for self.call in calls:
            best.append(min(self.measure(0.02)["best_us"] for _ in range(5)))
        self.call = calls[best.index(min(best))]


class Torch(Peer):
    def __init__(self, threads):
        import models
        import torch

        self.models, self.torch = models, torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)

    def prepare(self, row, folder):
        import numpy

        torch, module = self.torch, self.models.module(row)
        size = (row.batch, row.steps) if row.model and not row.step else (64 if row.step else row.steps, row.batch)
        x = torch.randn(*size, row.input)
        numpy.save(f"{folder}/{row.name}.x.npy", x.numpy())
        torch.save(module.state_dict(), f"{folder}/{row.name}.pt")
        inputs = (x[:1] if row.step else x, *(module.state() if row.step else ()))
        names = ["x"] + [f"state{i}" for i in range(len(inputs) - 1)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module, inputs, f"{folder}/{row.name}.onnx", dynamo=False, input_names=names,
                output_names=["y"] + [f"{name}n" for name in names[1:]])
        numpy.save(f"{folder}/{row.name}.expected.npy", module.double()(x.double())[0].numpy())
        return {}

    def load(self, row, folder):
        import numpy

        torch, module = self.torch, self.models.module(row)
        module.load_state_dict(torch.load(f"{folder}/{row.name}.pt"))
        x = torch.from_numpy(numpy.load(f"{folder}/{row.name}.x.npy"))
        context = torch.inference_mode()
        context.__enter__()
        if not row.step:
            self.call = lambda: module(x)
            return module(x)[0].numpy()
        outputs, state = [], module.state()
        for sample in x:
            y, *state = module(sample[None], *state)
            outputs.append(y)
        self.carried = state

        def step():
            _, *self.carried = module(x[:1], *self.carried)

        self.call = step
        return torch.cat(outputs).numpy()


class ONNXRuntime(Peer):
    def __init__(self, threads):
        import onnxruntime

        self.onnxruntime = onnxruntime
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1

    def load(self, row, folder):
        import numpy

        session = self.onnxruntime.InferenceSession(
            f"{folder}/{row.name}.onnx", self.options, providers=["CPUExecutionProvider"])
        x = numpy.load(f"{folder}/{row.name}.x.npy")
        names = [output.name for output in session.get_outputs()]
        if not row.step:
            value = self.onnxruntime.OrtValue.ortvalue_from_numpy
            y = value(numpy.zeros(session.get_outputs()[0].shape, numpy.float32))
            binding = session.io_binding()
            binding.bind_ortvalue_input("x", value(x))
            binding.bind_ortvalue_output("y", y)
            feed = {"x": x}
            self.fastest(lambda: session.run(["y"], feed), lambda: session.run_with_iobinding(binding))
            self.call()
            return session.run(["y"], feed)[0]
        feed = {state.name: numpy.zeros(state.shape, numpy.float32) for state in session.get_inputs()[1:]}
        state = list(feed)
        outputs = []
        for sample in x:
            feed["x"] = sample[None]
            y, *carried = session.run(names, feed)
            feed.update(zip(state, carried))
            outputs.append(y)

        def step():
            _, *carried = session.run(names, feed)
            feed.update(zip(state, carried))

        self.call = step
        return numpy.concatenate(outputs)


class OpenVINO(Peer):
    def __init__(self, threads):
        import openvino

        self.openvino = openvino
        self.core = openvino.Core()
        self.options = {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }

    def load(self, row, folder):
        import numpy

        request = self.core.compile_model(f"{folder}/{row.name}.onnx", "CPU", self.options).create_infer_request()
        x = numpy.load(f"{folder}/{row.name}.x.npy")
        y = lambda: request.get_output_tensor(0).data.copy()
        if not row.step:
            request.set_input_tensor(0, self.openvino.Tensor(x, shared_memory=True))
            self.call = request.infer
            request.infer()
            return y()
        states = range(1, len(request.model_inputs))
        for index in states:
            request.get_input_tensor(index).data[...] = 0

        def step():
            request.infer()
            for index in states:
                request.get_input_tensor(index).data[...] = request.get_output_tensor(index).data

        outputs = []
        for sample in x:
            request.get_input_tensor(0).data[...] = sample[None]
            step()
            outputs.append(y())
        self.call = step
        return numpy.concatenate(outputs)


def main():
    import numpy

    peer = {"torch": Torch, "onnxruntime": ONNXRuntime, "openvino": OpenVINO}[sys.argv[1]](int(sys.argv[2]))
    # What the libraries print is not for whoever reads the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "measure":
            answer = peer.measure(request["seconds"])
        else:
            row, folder = Row(**request["row"]), request["folder"]
            if request["do"] == "prepare":
                answer = peer.prepare(row, folder)
            else:
                numpy.save(f"{folder}/{row.name}.{sys.argv[1]}.npy", peer.load(row, folder))
                answer = {}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
