#!/usr/bin/env bash
# What can only be seen with an NVIDIA GPU, in 8 minutes at most: training in bf16 beside `yolo`,
# the wait for images, two GPUs if there are two, and the providers cuda and tensorrt with the gate
# of an export. One table at the end; a part that fails or has no time left says so in its row.
#
#   bash tests/gpu.sh ../shared/data/bccd      on a machine with a GPU (BCCD as it was published)
#   bash tests/gpu.sh --dry-run                without one: all parts at tiny size on the CPU
#
# Packages are installed before the clock starts. Other options: see tests/bench/gpu.py.
set -euo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
if [[ ! -x $python ]]; then
  python3 -m pip install --quiet uv
  uv sync --quiet --no-default-groups --extra gpu --extra train
fi
case " $* " in
  *" --dry-run "*) ;;
  *)
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader || {
      echo "nvidia-smi sees no GPU; --dry-run tries the script without one" >&2
      exit 2
    }
    "$python" -m yolokit doctor
    ;;
esac
exec "$python" tests/bench/gpu.py "$@"
