"""Writes eigenvalues.json: matrices of small whole numbers, row by row, and their eigenvalues by numpy.linalg.eigvals.

    python make_eigenvalues.py
"""

import json
import pathlib

import numpy as np


def main():
    random = np.random.default_rng(7)
    matrices = {f"random {n}": random.integers(-9, 10, (n, n)) for n in (1, 2, 3, 4, 5, 8, 13, 24, 40)}
    matrices |= {f"symmetric {n}": (a := random.integers(-4, 5, (n, n))) + a.T for n in (3, 9)}
    matrices["rotation"] = np.array([[0, -1], [1, 0]])
    matrices["zero"] = np.zeros((4, 4), int)
    matrices["identity"] = np.eye(5, dtype=int)
    matrices["cycle"] = np.roll(np.eye(7, dtype=int), 1, axis=0)
    # Of roots 1 to 6.
    matrices["companion"] = np.vstack([-np.poly(range(1, 7))[1:].astype(int), np.eye(5, 6, dtype=int)])
    matrices["triangle"] = np.triu(random.integers(-9, 10, (6, 6)))
    matrices["blocks"] = np.kron(np.eye(3, dtype=int), np.array([[1, 2], [-3, 4]]))
    matrices["large and small"] = np.array([[1000000, 1], [1, 1]])
    cases = []
    for name, matrix in matrices.items():
        values = np.linalg.eigvals(matrix.astype(float))
        cases.append({
            "name": name, "size": len(matrix), "matrix": matrix.ravel().tolist(),
            "real": values.real.tolist(), "imaginary": values.imag.tolist(),
        })
    result = {"versions": {"numpy": np.__version__}, "cases": cases}
    path = pathlib.Path(__file__).resolve().parent / "eigenvalues.json"
    path.write_text(json.dumps(result) + "\n", "utf-8")


main()
