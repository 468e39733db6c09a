"""Install ktextures from the folder that this file is in, without any network.

    python3 install.py [FOLDER]

makes FOLDER, by default "ktextures" in the home folder, with an environment, the
notebooks, and the scenes. Needs Python only, in the version that FOR.txt names.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

KIT = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
# Only the scene in localtileserver is needed; its server would slow each start down.
SETTINGS = {"ServerApp": {"jpserver_extensions": {"localtileserver._jupyter": False}}}


def check() -> None:
    """End if the wheels are for another system or another version of Python."""
    system, version = (KIT / "FOR.txt").read_text().splitlines()
    mine = f"{platform.system()} {platform.machine()}"
    made_with = tuple(map(int, version.split(".")))
    fits = made_with[:2] == sys.version_info[:2] and made_with <= sys.version_info[:3]
    if system != mine or not fits:
        release = f"{made_with[0]}.{made_with[1]}"
        sys.exit(
            f"This folder is for {system} with Python {version} or a later {release}, "
            f"but this is {mine} with Python {platform.python_version()}. "
            f"Run: python{release} {Path(__file__).name}"
        )


def without_settings() -> dict[str, str]:
    """Environment variables in which pip has no settings of this computer."""
    # Such as constraints, which versions in the kit may not meet.
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("PIP_")}
    return {**kept, "PIP_CONFIG_FILE": os.devnull}


def install(folder: Path) -> Path:
    """Make the environment; return its Python."""
    place = folder / "env"
    venv.create(place, clear=True, with_pip=False)
    python = place / ("Scripts/python.exe" if WINDOWS else "bin/python")
    (pip,) = KIT.glob("wheels/pip-*.whl")
    options = ["--no-index", "--find-links", str(KIT / "wheels"), "--quiet"]
    command = [str(python), str(pip / "pip"), "install", *options, "ktextures[lab]"]
    if subprocess.run(command, check=False, env=without_settings()).returncode:
        sys.exit(
            "pip could not install ktextures from this folder; see its lines above."
        )
    settings = place / "etc" / "jupyter" / "jupyter_server_config.d"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "zz-ktextures.json").write_text(json.dumps(SETTINGS))
    return python


def main() -> None:
    """Install, and say how to start."""
    parser = argparse.ArgumentParser(description="Install ktextures without a network.")
    home = Path.home() / "ktextures"
    parser.add_argument("folder", nargs="?", type=Path, default=home, metavar="FOLDER")
    folder = parser.parse_args().folder.resolve()
    check()
    print(f"Installing into {folder}; this takes some minutes and 4 GB ...", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    python = install(folder)
    for name in ("notebooks", "scenes", "documentation"):
        shutil.copytree(KIT / name, folder / name, dirs_exist_ok=True)
    start = f'"{python}" -m jupyterlab "{folder / "notebooks"}"'
    print(f"Done. To start:\n\n    {start}\n")


if __name__ == "__main__":
    main()
