"""Sounds of every encoding as libsndfile writes them, and what it reads of each as float64.

    python make.py        with numpy and soundfile; made with NumPy 2.4.6, soundfile 0.14.0, libsndfile 1.2.2
"""

import pathlib

import numpy
import soundfile

HERE = pathlib.Path(__file__).resolve().parent
KINDS = {
    "u8": ("WAV", "PCM_U8", 1), "s16": ("WAV", "PCM_16", 1), "s24": ("WAV", "PCM_24", 2), "s32": ("WAV", "PCM_32", 1),
    "f32": ("WAV", "FLOAT", 1), "f64": ("WAV", "DOUBLE", 2), "extensible24": ("WAVEX", "PCM_24", 2),
    "extensible_float": ("WAVEX", "FLOAT", 2), "adpcm": ("WAV", "MS_ADPCM", 1), "ulaw": ("WAV", "ULAW", 1), "big": ("AIFF", "PCM_16", 1),
    "flac": ("FLAC", "PCM_16", 1), "rf64": ("RF64", "PCM_16", 1),
}

random = numpy.random.default_rng(1)
expected = {}
for name, (container, encoding, channels) in KINDS.items():
    samples = random.uniform(-1, 1, (21, channels))
    samples[0], samples[1] = -1, 0
    extension = {"AIFF": "aiff", "FLAC": "flac"}.get(container, "wav")
    path = HERE / f"{name}.{extension}"
    soundfile.write(path, samples, 44100 if name == "s16" else 48000, format=container, subtype=encoding)
    if encoding not in ("MS_ADPCM", "ULAW") and container in ("WAV", "WAVEX"):
        expected[name] = soundfile.read(path, dtype="float64", always_2d=True)[0]
numpy.savez(HERE / "expected.npz", **expected)
