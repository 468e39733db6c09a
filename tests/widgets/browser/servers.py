"""JupyterLab and Voila on loopback, with folders of their own and no network."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 90  # seconds until a server must answer

# Extensions that may be installed; no test needs them, and some take seconds to import.
UNNEEDED = (
    "jupyter_lsp",
    "jupyter_server_proxy",
    "jupyter_server_terminals",
    "localtileserver._jupyter",
    "notebook",
    "notebook_shim",
    "voila.server_extension",
)

FOLDERS = (
    "IPYTHONDIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "MPLCONFIGDIR",
)

LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # Keeps cells that are scrolled out of sight in the page, where the tests find them.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}


@contextmanager
def lab(root, home):
    """Address of a JupyterLab with files in `root` and everything else in `home`."""
    port = free_port()
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.password": "",
        "ServerApp.root_dir": root,
        "ServerApp.jpserver_extensions": dict.fromkeys(UNNEEDED, False),
        "IdentityProvider.token": "",
        "LabApp.expose_app_in_browser": True,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    arguments = ["jupyterlab", "--no-browser", "--allow-root"]
    arguments += [f"--{name}={value}" for name, value in options.items()]
    with running(
        arguments, root, home, f"http://127.0.0.1:{port}", "/api/status"
    ) as url:
        yield url


@contextmanager
def voila(notebook, home):
    """Address at which Voila shows one notebook as an app."""
    port = free_port()
    arguments = ["voila", str(notebook), "--no-browser", f"--port={port}"]
    arguments += ["--Voila.ip=127.0.0.1"]
    # The extension of Notebook, where it is installed, fails in pages of Voila.
    unwanted = ["@jupyter-notebook/lab-extension"]
    arguments += [f"--VoilaConfiguration.extension_denylist={unwanted}"]
    url = f"http://127.0.0.1:{port}"
    with running(arguments, Path(notebook).parent, home, url, "/voila/static/") as url:
        yield url


@contextmanager
def running(arguments, folder, home, url, probe):
    """Run a server module until the end of the block."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    leash = Path(__file__).with_name("leash.py")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, str(leash), *arguments],
            cwd=folder,
            env=environment(home),
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            await_answer(url + probe, process, log)
            yield url
        finally:
            stop(process)


def environment(home):
    """Environment variables: fresh folders, and a proxy that refuses everything."""
    variables = dict(
        os.environ, JUPYTER_PLATFORM_DIRS="1", PYDEVD_DISABLE_FILE_VALIDATION="1"
    )
    for name in FOLDERS:
        folder = home / name.lower()
        folder.mkdir(exist_ok=True)
        variables[name] = str(folder)
    settings = home / "jupyter_config_dir" / "labconfig"
    settings.mkdir(exist_ok=True)
    (settings / "default_setting_overrides.json").write_text(json.dumps(LAB_SETTINGS))
    # Nothing listens on port 9, so that requests to the network fail at once.
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        variables[name] = variables[name.upper()] = "http://127.0.0.1:9"
    variables["no_proxy"] = variables["NO_PROXY"] = "127.0.0.1,localhost"
    return variables


def await_answer(url, process, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            end = log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"No answer from {url}; end of its log:\n{end}")
        try:
            opener.open(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.1)
        else:
            return


def stop(process):
    """End a server and, through its process group, its kernels."""
    process.stdin.close()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
