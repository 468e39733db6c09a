"""The installer of the offline kit; benchmarks/offline_kit.py tries a whole kit."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "offline_install.py"


HERE = f"{platform.system()} {platform.machine()}"
RELEASE = f"{sys.version_info.major}.{sys.version_info.minor}"


# A wheel may need a later Python of the same release than the one that is there.
@pytest.mark.parametrize(
    ("system", "version"),
    [("Plan9 mips", f"{RELEASE}.0"), (HERE, "2.7.18"), (HERE, f"{RELEASE}.99")],
)
def test_a_kit_for_another_computer_says_so(system, version, tmp_path):
    shutil.copy(SCRIPT, tmp_path / "install.py")
    (tmp_path / "FOR.txt").write_text(f"{system}\n{version}\n")
    command = [sys.executable, str(tmp_path / "install.py"), str(tmp_path / "there")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    release = version.rpartition(".")[0]
    wanted = f"is for {system} with Python {version} or a later {release}, but this is"
    assert wanted in done.stderr
    assert f"Run: python{release} install.py" in done.stderr
    assert not (tmp_path / "there").exists()


# In place of pip: notes down how it was called, and with which settings.
PIP = """
import json, os, sys
from pathlib import Path

settings = {name: value for name, value in os.environ.items() if "PIP" in name}
Path(__file__).with_name("called.json").write_text(json.dumps([sys.argv[1:], settings]))
"""


def test_the_installer_uses_nothing_but_the_kit(tmp_path, monkeypatch):
    kit, there = tmp_path / "kit", tmp_path / "there"
    pip = kit / "wheels" / "pip-0.whl" / "pip"
    for folder in (pip, kit / "notebooks", kit / "scenes", kit / "documentation"):
        folder.mkdir(parents=True)
    (pip / "__main__.py").write_text(PIP)
    shutil.copy(SCRIPT, kit / "install.py")
    (kit / "FOR.txt").write_text(f"{HERE}\n{platform.python_version()}\n")
    monkeypatch.setenv("PIP_CONSTRAINT", "https://example.org/constraints.txt")
    monkeypatch.setenv("PIP_CONFIG_FILE", "pip.conf")
    command = [sys.executable, str(kit / "install.py"), str(there)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    arguments, settings = json.loads((pip / "called.json").read_text())
    assert "--no-index" in arguments
    assert arguments[arguments.index("--find-links") + 1] == str(kit / "wheels")
    assert settings == {"PIP_CONFIG_FILE": os.devnull}
    assert (there / "notebooks").is_dir()
    assert f'-m jupyterlab "{there / "notebooks"}"' in done.stdout
