"""Writes small models as Neural Amp Modeler's own classes export them, beside what those compute of a sound, with silence before it
(`pad_start`): in float32, and in float64 with the same weights.

Made with neural-amp-modeler 0.13.0, torch 2.15.0 and numpy 2.4.6; `python3 make_nam.py` in this folder. Files of version 0.5.4 are
the same models under the keys that it had.
"""

import json
import pathlib

import numpy as np
import torch
from nam.models.conv_net import ConvNet
from nam.models.linear import Linear
from nam.models.wavenet import WaveNet

FOLDER = pathlib.Path(__file__).parent / "nam"
RATE = 48000


def layers(channels, dilations, head, inputs=1, condition=1, bias=True, head_kernel=1, kernel=3, activation="Tanh", **rest):
    return {"input_size": inputs, "condition_size": condition, "channels": channels, "kernel_size": kernel, "dilations": dilations,
            "activation": activation, "head": {"out_channels": head, "kernel_size": head_kernel, "bias": bias}} | rest


def wavenet(*arrays, **rest):
    return WaveNet.init_from_config({"layers_configs": list(arrays), "head_scale": 0.02, "sample_rate": RATE} | rest)


def old(document):
    """The keys of version 0.5.4: one kernel size, head_size and head_bias, gated."""
    keys = {"input_size", "condition_size", "channels", "dilations"}
    arrays = []
    for config in document["config"]["layers"]:
        head, gates = config["head"], set(config["gating_mode"])
        assert head["kernel_size"] == 1 and len(gates) == 1 and len(set(config["kernel_sizes"])) == 1
        arrays.append({k: v for k, v in config.items() if k in keys} | {
            "kernel_size": config["kernel_sizes"][0], "head_size": head["out_channels"], "head_bias": head["bias"],
            "activation": config["activation"][0]["type"], "gated": gates == {"gated"}})
    return document | {"version": "0.5.4", "config": document["config"] | {"layers": arrays}}


def exported(model):
    model.eval()
    # As loud as a trained one, so that every part of it shows in the result.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(1.5)
    if isinstance(model, WaveNet):
        model._net._head_scale = float(np.float32(0.5))
    document = model._get_export_dict()
    document["metadata"] = {"name": "made for a test"}
    return document


def save(name, model, change=lambda document: document):
    document = change(exported(model))
    (FOLDER / f"{name}.nam").write_text(json.dumps(document))
    past = model.receptive_field
    x = torch.randn(min(60, past // 2) + 40) * 0.5
    with torch.no_grad():
        y = model(x, pad_start=True)
        exact = model.double()(x.double(), pad_start=True)
    # Padding with zeros at every layer is another thing, and the sound shows it.
    np.savez(FOLDER / f"{name}.npz", input=x.numpy()[:, None], y=y.numpy()[:, None], y64=exact.numpy()[:, None])
    return document


def pair(name, primary, secondary):
    return {"name": name, "primary": primary, "secondary": secondary}


FILMS = ["conv_pre_film", "conv_post_film", "input_mixin_pre_film", "input_mixin_post_film", "activation_pre_film",
         "activation_post_film", "head1x1_post_film"]

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(1)
    long = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    # The sizes that most captures have: standard's layers with fewer channels, and nano.
    save("wavenet", wavenet(layers(4, [1, 2, 4, 8], 2, bias=False), layers(2, [1, 2, 16], 1, inputs=4)), old)
    save("nano", wavenet(
        layers(4, long[:7], 2, bias=False, activation="ReLU"), layers(2, long[7:] + long, 1, inputs=4, activation="ReLU")), old)
    save("gated", wavenet(
        layers(3, [1, 2, 4], 2, bias=False, activation=pair("PairMultiply", "Tanh", "Sigmoid")),
        layers(2, [8], 1, inputs=3, activation=pair("PairMultiply", "Tanh", "Sigmoid"))), old)
    save("a2", wavenet(layers(
        3, [1, 3, 7, 1, 13], 1, head_kernel=16, kernel=[6, 6, 6, 6, 15],
        activation={"name": "LeakyReLU", "negative_slope": 0.01})))
    save("gating_modes", wavenet(layers(
        4, [1, 2, 3], 1, bottleneck=2, activation=[
            pair("PairBlend", "Tanh", "Sigmoid"), pair("PairMultiply", "SiLU", "Hardswish"),
            {"name": "PReLU", "num_parameters": 2, "init": 0.125}])))
    save("activations", wavenet(layers(2, [1, 2, 1, 3, 1, 2, 1], 1, activation=[
        "SiLU", "Softsign", {"name": "Hardtanh", "min_val": -0.5, "max_val": 0.25}, "Hardswish",
        {"name": "LeakyHardtanh", "min_val": -0.25, "max_val": 0.125, "min_slope": 0.25, "max_slope": 0.5}, "Sigmoid",
        {"name": "PReLU", "init": 0.5}])))
    save("film", wavenet(layers(
        4, [1, 3], 2, bottleneck=2, groups_input=2, activation=pair("PairBlend", "Tanh", "Sigmoid"), bias=False,
        head_1x1_config={"active": True, "out_channels": 4, "groups": 2}, layer_1x1_config={"active": True, "groups": 2},
        film_params={key: {"active": True, "shift": True, "groups": 1} for key in FILMS + ["layer1x1_post_film"]}),
        layers(2, [5], 1, inputs=4, film_params={key: {"active": True, "shift": False} for key in FILMS[:-1]})))
    save("condition", wavenet(
        layers(3, [1, 2], 2, condition=3, bias=False), layers(2, [8], 1, inputs=3, condition=3, groups_input_mixin=1),
        condition_dsp={"name": "WaveNet", "config": {
            "layers_configs": [layers(2, [1, 4], 3)], "head_scale": 0.5}}))
    save("head", wavenet(layers(3, [1, 2], 2), head={"channels": 3, "activation": "ReLU", "out_channels": 1, "kernel_sizes": [3, 1, 4]}))
    save("slimmable", wavenet(layers(3, [1, 2, 4], 1, activation="ReLU", slimmable={
        "method": "slice_channels_uniform", "kwargs": {"allowed_channels": [1, 2, 3]}})))
    save("convnet", ConvNet(channels=3, dilations=[1, 2, 4, 8], sample_rate=RATE))
    normed = ConvNet(channels=3, dilations=[1, 2, 4], batchnorm=True, activation="ReLU", sample_rate=RATE)
    with torch.no_grad():
        for module in normed.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.weight.normal_()
                module.bias.normal_()
    save("convnet_norm", normed)
    save("linear", Linear(24, sample_rate=RATE))
    save("linear_bias", Linear(7, bias=True, sample_rate=RATE))
    smaller = exported(wavenet(layers(1, [1, 2], 1)))
    save("container", wavenet(layers(2, [1, 2, 4], 1)), lambda document: {
        "version": "0.7.0", "architecture": "SlimmableContainer", "sample_rate": RATE, "weights": [],
        "config": {"submodels": [{"max_value": 0.5, "model": smaller}, {"max_value": 1.0, "model": document}]}})
