"""Writes ActivationValues.swift: silu, gelu, gelu_tanh, exp and log to 60 digits, rounded to float64. mpmath 1.3.0.

    python3 activations.py > ActivationValues.swift
"""
from mpmath import erfc, exp, log, mp, mpf, pi, sqrt, tanh

mp.dps = 60
FUNCTIONS = {
    "silu": lambda x: x / (1 + exp(-x)),
    "gelu": lambda x: x * erfc(-x / sqrt(2)) / 2,
    # The difference 1 + tanh loses digits that 60 do not miss at these x.
    "gelu_tanh": lambda x: x * (1 + tanh(sqrt(2 / pi) * (x + mpf("0.044715") * x**3))) / 2,
    "exp": exp,
    "log": log,
}
# Exact in float32.
POINTS = [sign * (1 + k / 16) * 2.0**n for n in range(-10, 3) for k in (0, 3, 7, 11, 15) for sign in (1, -1)]
POINTS += [sign * x for x in (8.5, 9.25, 10.0) for sign in (1, -1)]

print("// Written by activations.py.")
print("let activationValues: [(name: String, points: [(x: Double, value: Double)])] = [")
for name, function in FUNCTIONS.items():
    print(f'  (\n    "{name}",\n    [')
    for x in POINTS:
        if name == "log" and x < 0:
            continue
        print(f"      ({x!r}, {float(function(mpf(x)))!r}),")
    print("    ]\n  ),")
print("]")
