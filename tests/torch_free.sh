#!/usr/bin/env bash
# Builds the wheel, installs it with its [cpu] extra in a clean environment that has no torch, and
# runs there what needs no torch, on a model and a data set made beforehand.
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
