#!/usr/bin/env bash
# Builds the wheel, installs it with its [cpu] extra in a clean environment that has no torch, and
# runs there what needs no torch, on a model and a data set made beforehand. Then once more with
# its [openvino] extra alone, without onnxruntime: what it predicts must be the same.
set -euo pipefail
cd "$(dirname "$0")/.."

lane=$(mktemp -d)
trap 'rm -rf "$lane"' EXIT

uv build --quiet --wheel --out-dir "$lane"
wheel=$(ls "$lane"/yolokit-*.whl)
# Exact versions live in [tool.uv] and do not travel in the wheel: pass them on.
uv run --quiet python - "$lane/constraints.txt" <<'PY'
import sys, tomllib, pathlib
pins = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
pathlib.Path(sys.argv[1]).write_text("\n".join(pins) + "\n")
PY
uv venv --quiet "$lane/env"
python="$lane/env/bin/python"
uv pip install --quiet --python "$python" --constraint "$lane/constraints.txt" "$wheel[cpu]"
if "$python" -c "import torch" 2>/dev/null; then
  echo "torch is in the torch-free environment" >&2
  exit 1
fi
"$python" -c "import importlib.resources as r; assert (r.files('yolokit') / 'py.typed').is_file()"
du -sm "$lane/env" | awk '{print "installed size: " $1 " MB"}'

# A model and data are made with the full environment; only the wheel touches them afterwards.
uv run --quiet python tests/make_lane_fixture.py "$lane/fixture"
cd "$lane"
env/bin/yolokit --version
env/bin/yolokit predict fixture/model.onnx fixture/data/images/test --out predicted --save images,jsonl
env/bin/yolokit val fixture/model.onnx --data fixture/data/data.yaml --split test --json --report --out evaluated >/dev/null
env/bin/yolokit data check fixture/data --model fixture/model.onnx --report checked.html --fail-on error >/dev/null || [ $? -eq 3 ]
env/bin/yolokit data show fixture/data --out shown.html >/dev/null
env/bin/yolokit data fix fixture/data --out fixed --json >/dev/null
grep -q "</html>" checked.html && grep -q "</html>" shown.html && grep -q "</html>" evaluated/report.html
env/bin/python - <<'PY'
import json, pathlib
records = [json.loads(line) for line in pathlib.Path("predicted/predictions.jsonl").open()]
metrics = json.loads(pathlib.Path("evaluated/metrics.json").read_text())
assert records and all(record["error"] is None for record in records), records[:1]
print(f"torch-free lane: {len(records)} images predicted, metrics {sorted(metrics)[:6]}")
PY
env/bin/yolokit doctor > doctor.txt || true
grep -q "ok    provider cpu" doctor.txt

uv venv --quiet env-openvino
uv pip install --quiet --python env-openvino/bin/python --constraint constraints.txt "$wheel[openvino]"
du -sm env-openvino | awk '{print "installed size with OpenVINO alone: " $1 " MB"}'
if env-openvino/bin/python -c "import onnxruntime" 2>/dev/null; then
  echo "onnxruntime is in the environment of OpenVINO alone" >&2
  exit 1
fi
export YOLOKIT_HOME="$lane/home"
for run in compiled kept; do
  env-openvino/bin/yolokit predict fixture/model.onnx fixture/data/images/test --out "$run" --save jsonl
done
test -n "$(ls home/cache/compiled)"
env-openvino/bin/python - <<'PY'
import json, pathlib
def read(name):
    lines = pathlib.Path(name, "predictions.jsonl").open()
    return [json.loads(line)["detections"] for line in lines]
theirs = read("predicted")
for ours in (read("compiled"), read("kept")):
    assert [[d["name"] for d in one] for one in ours] == [[d["name"] for d in one] for one in theirs]
    pairs = zip(sum(ours, []), sum(theirs, []), strict=True)
    worst_px = max(abs(a - b) for x, y in pairs for a, b in zip(x["xyxy"], y["xyxy"], strict=True))
    assert worst_px < 0.01, worst_px
print(f"torch-free lane: OpenVINO alone finds the same {sum(map(len, theirs))} boxes")
PY
env-openvino/bin/yolokit doctor > doctor.txt || true
grep -q "ok    provider openvino" doctor.txt
