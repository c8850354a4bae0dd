"""A file of 1 GiB takes little memory, on its way in and on its way out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "files.py"


@pytest.mark.soak
def test_a_large_file_does_not_fill_the_memory(tmp_path):
    command = [sys.executable, str(BENCHMARK), "--memory"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=280)
    grown = {name: max(int(up), int(down)) for name, up, down in re.findall(
        r"^(\w+): (\d+) MiB while storing 1 GiB, (\d+) MiB while reading it$", done.stdout, re.MULTILINE
    )}  # fmt: skip
    assert grown["s3"] < 100
    assert grown["folder"] < 30
