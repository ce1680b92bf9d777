"""Load an ONNX file with Python's onnxruntime and compare its outputs with expected tensors.

Usage: python scripts/reference/onnx_check.py MODEL.onnx TENSORS.safetensors [--atol 1e-4] [--rtol 1e-5]

A tensor named like a model input (or `inputs.NAME`) is fed; one named like a model output (or
`outputs.NAME`) is expected. The prefixes are needed only where a name is both. Every input must be
given and at least one output expected. A value passes when |got - want| <= atol + rtol * |want|;
equal infinities pass, a NaN never does.

Prints one JSON document {ok, onnxruntime, maxAbs, tensors: [{name, shape, maxAbs, maxRel, ok}]}; exit code 0
when all pass, 1 when one does not, 2 when the files do not fit together.
"""

import argparse
import json
import sys

import numpy as np
import onnxruntime
from safetensors.numpy import load_file


def compare(name, got, want, atol, rtol):
    if got.shape != want.shape:
        return {"name": name, "shape": list(got.shape), "expectedShape": list(want.shape),
                "ok": False}
    if not np.issubdtype(got.dtype, np.floating):
        wrong = int((got != want).sum())
        return {"name": name, "shape": list(got.shape), "different": wrong, "ok": wrong == 0}
    got, want = got.astype(np.float64), want.astype(np.float64)
    same = got == want  # covers infinities of one sign
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(got - want))
    bound = atol + rtol * np.where(np.isfinite(want), np.abs(want), 0.0)
    ok = bool(np.all(difference <= bound))
    finite = difference[np.isfinite(difference)]
    relative = finite / np.maximum(np.abs(want[np.isfinite(difference)]), 1e-12)
    entry = {"name": name, "shape": list(got.shape), "maxAbs": float(finite.max(initial=0.0)),
             "maxRel": float(relative.max(initial=0.0)), "ok": ok}
    if finite.size < difference.size:
        entry["notFinite"] = int(difference.size - finite.size)
    return entry


def finish(document, code):
    print(json.dumps(document, indent=2, allow_nan=False))
    sys.exit(code)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("tensors")
    parser.add_argument("--atol", type=float, default=1e-4)
    parser.add_argument("--rtol", type=float, default=1e-5)
    args = parser.parse_args()
    try:
        tensors = load_file(args.tensors)
        session = onnxruntime.InferenceSession(args.model, providers=["CPUExecutionProvider"])
    except Exception as error:
        finish({"ok": False, "error": str(error)}, 2)

    feeds, missing = {}, []
    for node in session.get_inputs():
        value = tensors.get(f"inputs.{node.name}", tensors.get(node.name))
        if value is None:
            missing.append(node.name)
        else:
            feeds[node.name] = value
    expected = {}
    for node in session.get_outputs():
        value = tensors.get(f"outputs.{node.name}")
        if value is None and node.name not in feeds:
            value = tensors.get(node.name)
        if value is not None:
            expected[node.name] = value
    if missing or not expected:
        finish({"ok": False, "error": f"missing inputs {missing}; expected outputs found: "
                f"{sorted(expected)} of {[node.name for node in session.get_outputs()]}"}, 2)
    try:
        got = session.run(list(expected), feeds)
    except Exception as error:
        finish({"ok": False, "error": str(error)}, 2)

    entries = [compare(name, value, expected[name], args.atol, args.rtol)
               for name, value in zip(expected, got)]
    ok = all(entry["ok"] for entry in entries)
    finish({"ok": ok, "onnxruntime": onnxruntime.__version__,
            "maxAbs": max(entry.get("maxAbs", 0.0) for entry in entries), "tensors": entries},
           0 if ok else 1)


if __name__ == "__main__":
    main()
