#!/usr/bin/env bash
# Runs the kernels' tests under AddressSanitizer and UBSan.  Usage: run_sanitized.sh [PYTHON [pytest arguments]]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-python3}
shift || true
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" - "$folder" <<'PY'
import pathlib, sys
from leakkit.native import build
flags = ["-g", "-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Werror"]
build.compile_part("kernels", pathlib.Path(sys.argv[1]), flags)
PY
compiler=${CC:-gcc}
preload=$($compiler -print-file-name=libasan.so):$($compiler -print-file-name=libubsan.so)
# The interpreter is not clean by these rules; only what the kernels do counts.
LD_PRELOAD=$preload ASAN_OPTIONS=detect_leaks=0 LEAKKIT_KERNELS=$folder/_kernels.so \
  "$python" -m pytest -q -p no:cacheprovider tests/native/test_hostile.py tests/native/test_packing.py \
  tests/native/test_same_answers.py tests/heap -k 'not plain' "$@"
