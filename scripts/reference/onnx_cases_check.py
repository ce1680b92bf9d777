"""Runs the ONNX files of write_onnx_cases.ts with Python's onnxruntime and compares the results.

    python scripts/reference/onnx_cases_check.py FOLDER

Needs numpy and onnxruntime. Prints one line per mismatch and a summary; exits 1 on any mismatch.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime as ort

DTYPES = {"float32": np.float32, "int64": np.int64, "bool": np.bool_}
TOLERANCE = 2e-6


def array(written):
    values = [float(v) if isinstance(v, str) else v for v in written["data"]]
    return np.array(values, dtype=DTYPES[written["dtype"]]).reshape(written["shape"])


def mismatch(actual, expected):
    """Why an output differs from what was expected, or None."""
    if actual.dtype != expected.dtype or actual.shape != expected.shape:
        return f"{actual.dtype} {actual.shape}, expected {expected.dtype} {expected.shape}"
    if actual.dtype != np.float32:
        return None if np.array_equal(actual, expected) else "values differ"
    if not np.allclose(actual, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
        return f"largest difference {np.max(np.abs(actual - expected))}"
    return None


def main(folder):
    cases = json.loads((folder / "cases.json").read_text())
    failures = 0
    for case in cases:
        try:
            session = ort.InferenceSession(
                folder / case["file"], providers=["CPUExecutionProvider"]
            )
            feeds = {name: array(value) for name, value in case["feeds"].items()}
            names = list(case["expected"])
            results = dict(zip(names, session.run(names, feeds)))
        except Exception as error:  # Whatever the runtime raises is what we want to read.
            failures += 1
            print(f"{case['name']}: {error}")
            continue
        for name, expected in case["expected"].items():
            reason = mismatch(results[name], array(expected))
            if reason is not None:
                failures += 1
                print(f"{case['name']}: output {name}: {reason}")
    version = f"onnxruntime {ort.__version__}, Python {sys.version.split()[0]}"
    print(f"{len(cases)} models, {failures} failures ({version})")
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
