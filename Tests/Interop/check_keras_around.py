"""Random models with convolutions, pools, norms and attention around recurrent layers, written for Keras and run there; and
Keras' own, which are run as Keras runs them.

Whole and each sequence alone at its own length, which is what lengths mean; and what is read back gives the same bits. What Keras
cannot hold is refused in so many words.
"""

import logging
import os

os.environ["KERAS_BACKEND"] = "torch"
logging.getLogger("absl").setLevel(logging.ERROR)

import keras
import numpy as np
import torch

import keras_around_models
from around_models import draw
from samples import SEED, models

# Of an output's largest number.
ALLOWED = 5e-6
REFUSALS = (
    "a pool padded by", "attention of several heads without Keras' projections", "the step last where it stands",
    "sum over time, which is no layer", "different numbers of features for query and output")


def compare(report, place, ours, theirs):
    if not report.require(ours.shape == theirs.shape, f"{place}: shapes {ours.shape} and {theirs.shape}"):
        return
    apart = np.abs(ours.astype(np.float64) - theirs).max(initial=0) / max(1, np.abs(theirs).max(initial=0))
    report.require(apart <= ALLOWED, f"{place}: {apart:.1e} apart, {ALLOWED} are allowed")


def only(outputs):
    return outputs["y"] if "y" in outputs else outputs["output"]


def check_written(report, command, seed, kinds):
    forward, state, x, lengths, drawn = draw(seed)
    source, native = command.folder / "model.pt", command.folder / "model.rnn"
    torch.save(state, source)
    refusal = command("convert", "--quiet", "--force", source, native, "--forward", forward, "--batch-first")
    if not report.require(refusal is None, f"{seed}: {refusal}\n{forward}"):
        return
    try:
        whole, cut = only(command.run(native, {"input": x})), only(command.run(native, {"input": x, "lengths": np.array(lengths)}))
    except RuntimeError as error:
        # What was drawn last may need none of the modules.
        report.require("no module to run" in str(error), f"{seed}: {error}")
        return
    for extension in ("keras", "keras.h5"):
        path, place = command.folder / f"model.{extension}", f"model {seed}, .{extension}"
        refusal = command("convert", "--quiet", "--force", native, path)
        if refusal:
            reason = next((reason for reason in REFUSALS if reason in refusal), None)
            report.require(reason, f"{place}: {refusal}\n{forward}")
            kinds[reason] = kinds.get(reason, 0) + 1
            continue
        for kind in {*drawn}:
            kinds[kind] = kinds.get(kind, 0) + 1
        try:
            model = keras.models.load_model(path, compile=False)
            run = lambda x: keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x)))
            compare(report, f"{place}, whole\n{forward}", whole, run(x))
            for index, length in enumerate(lengths):
                alone = run(x[index:index + 1, :length])[0]
                ours = cut[index] if alone.ndim == 1 else cut[index, :len(alone)]
                compare(report, f"{place}, {length} steps\n{forward}", ours, alone)
        except (ValueError, TypeError, RuntimeError) as error:
            report.require(False, f"{place}: {str(error)[:300]}\n{forward}")
        back = command.folder / "back.rnn"
        refusal = command("convert", "--quiet", "--force", path, back)
        if report.require(refusal is None, f"{place}, read back: {refusal}\n{forward}"):
            again = only(command.run(back, {"input": x, "lengths": np.array(lengths)}))
            report.require(np.array_equal(again, cut, equal_nan=True), f"{place}: other bits when it is read back\n{forward}")


def check_read(report, command, seed, kinds):
    model, drawn = keras_around_models.draw(seed)
    x = np.random.default_rng(seed).standard_normal((2, 30, 4)).astype(np.float32)
    theirs = keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x)))
    for extension in ("keras", "h5"):
        path, place = command.folder / f"own.{extension}", f"Keras' model {seed}, .{extension}, {drawn}"
        try:
            model.save(path)
        except ValueError:
            continue
        try:
            compare(report, place, only(command.run(path, {"input": x})), theirs)
        except RuntimeError as error:
            report.require(False, f"{place}: {error}")
    for kind in {*drawn}:
        kinds[kind] = kinds.get(kind, 0) + 1


def check_forms(report, command):
    """Models of one or two layers whose axes could be taken for others, of a batch of 1, 3 and 4 sequences."""
    counts = {"right": 0, "refused": 0}
    for name, y, isRead in keras_around_models.forms():
        x = y._keras_history.operation
        while x._inbound_nodes[0].parent_nodes:
            x = x._inbound_nodes[0].parent_nodes[0].operation
        model, random = keras.Model(x.output, y), np.random.default_rng(1)
        model.set_weights([random.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in model.get_weights()])
        for extension in ("keras", "h5"):
            path = command.folder / f"form.{extension}"
            try:
                model.save(path)
            except ValueError:
                continue
            for batch in (1, 3, 4):
                place, x = f"{name}, .{extension}, {batch} sequences", random.standard_normal((batch, 4, 4)).astype(np.float32)
                try:
                    found = only(command.run(path, {"input": x}))
                except RuntimeError as error:
                    report.require(not isRead and "cannot run this layer" in str(error), f"{place}: {error}")
                    counts["refused"] += 1
                    continue
                if report.require(isRead, f"{place}: it is read"):
                    compare(report, place, found, keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x))))
                    counts["right"] += 1
    report.say(f"runs of models whose axes could be taken for others: {counts}")


def check(report, command):
    kinds = {}
    check_forms(report, command)
    read, count = {}, max(20, models() // 2)
    for index in range(count):
        check_read(report, command, SEED * 10000 + index, read)
    report.say(f"{count} models of Keras' read; {dict(sorted(read.items()))}")
    count = max(20, models() // 4)
    for index in range(count):
        check_written(report, command, SEED * 10000 + index, kinds)
    report.say(f"{count} models written; {dict(sorted(kinds.items()))}")
