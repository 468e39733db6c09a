"""The installer of the offline kit; the kit itself is made and tried by hand."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "offline_install.py"


@pytest.mark.parametrize(
    ("system", "version"), [("Plan9 mips", "3.11"), ("Linux x86_64", "2.7")]
)
def test_a_kit_for_another_computer_says_so(system, version, tmp_path):
    shutil.copy(SCRIPT, tmp_path / "install.py")
    (tmp_path / "FOR.txt").write_text(f"{system}\n{version}\n")
    command = [sys.executable, str(tmp_path / "install.py"), str(tmp_path / "there")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"This folder is for {system} with Python {version}, but" in done.stderr
    assert f"Run: python{version} install.py" in done.stderr
    assert not (tmp_path / "there").exists()
