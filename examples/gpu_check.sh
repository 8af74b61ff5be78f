#!/usr/bin/env bash
# Does all of this work on a GPU, and how fast? The table at the end is to be pasted. Compiled runs come last: they spend minutes on compiling.
#
#   examples/gpu_check.sh                        # smoke, the benchmark's rows, the demo four times
#   DEVKIT=/data/VOC2012 examples/gpu_check.sh   # and `photos` on real photographs
#   WHEELS=/media/wheels examples/gpu_check.sh   # without a network: install from this folder first
#   DEVICE=cpu ONLY=smoke examples/gpu_check.sh  # a rehearsal: ONLY takes smoke, bench, demo, photos
#
# A part that fails does not keep the others from running; its last lines go into the table, and the exit status is 1.

set -uo pipefail
cd "$(dirname "$0")/.."
device=${DEVICE:-cuda} only=${ONLY:-smoke bench demo photos} out=runs/gpu_check
mkdir -p "$out"
rm -f "$out"/*.log  # the table is of what is run now
if [ -n "${WHEELS:-}" ]; then
  python3 -m venv .venv && .venv/bin/pip install --quiet --no-index --find-links "$WHEELS" --editable . || exit 1
fi
[ -d .venv ] && PATH="$PWD/.venv/bin:$PATH"
command -v muscle_run > /dev/null || { echo "muscle is not installed: run \`make ready\`, or give WHEELS=FOLDER"; exit 1; }
python - "$device" <<'PYTHON' || exit 1
import sys, torch

if sys.argv[1].startswith("cuda") and not torch.cuda.is_available():
    sys.exit(f"torch {torch.__version__} sees no GPU; DEVICE=cpu ONLY=smoke is a rehearsal without one")
PYTHON

failed=0
part() {  # NAME COMMAND…: run it, keep what it says
  local name=$1 start=$SECONDS
  shift
  echo "== $name: $*"
  if "$@" > "$out/$name.log" 2>&1; then
    echo "done in $((SECONDS - start)) s"
  else
    failed=1
    echo "FAILED after $((SECONDS - start)) s, see $out/$name.log"
    tail -n 5 "$out/$name.log"
  fi
}
run() {  # NAME PROFILE SETTING…: a run of its own, from its beginning
  local name=$1 profile=$2
  shift 2
  [[ " $only " == *" $profile "* ]] || return 0
  rm -rf "${out:?}/$name"
  part "$name" muscle_run "$profile" --run "$PWD/$out/$name" --device "$device" "$@"
}

run smoke smoke
if [[ " $only " == *" bench "* ]]; then
  part bench muscle_bench --device "$device" --json "data/bench_${device%%:*}.json"
fi
run demo_fp32 demo machine.precision=fp32
run demo_bf16 demo machine.precision=bf16
[ -n "${DEVKIT:-}" ] && run photos photos --devkit "$DEVKIT"
run demo_fp32_compiled demo machine.precision=fp32 machine.compile=true
run demo_bf16_compiled demo machine.precision=bf16 machine.compile=true

python - "$out" "$device" <<'PYTHON'
import json, sys
from pathlib import Path

import torch

card = torch.cuda.get_device_name(sys.argv[2]) if sys.argv[2].startswith("cuda") else "no GPU"
print(f"\n{card}, torch {torch.__version__}\n\n| run | training, s | all, s | walk + CRF, train | val + CRF |\n|---|--:|--:|--:|--:|")
for log in sorted(Path(sys.argv[1]).glob("*.log")):
    record = log.with_suffix("") / "run.json"
    if not record.is_file():
        continue
    found = json.loads(record.read_text(encoding="utf-8"))
    seconds = {name: stage["seconds"] for name, stage in found["stages"].items() if stage["state"] == "done"}
    whole = f"{sum(seconds.values()):.0f}" if len(seconds) == 9 else f"stopped after {len(seconds)} of 9"
    trained = sum(seconds.get(name, 0) for name in ("encoder", "irn", "segmenter"))
    scores = [found.get("results", {}).get(key) for key in ("pseudo_crf_miou", "val_crf_miou")]
    cells = ["–" if score is None else f"{score:.1f}" for score in scores]
    print(f"| {log.stem} | {trained:.0f} | {whole} | {cells[0]} | {cells[1]} |")
PYTHON
exit "$failed"
