"""Run a module that ends with its parent process: `python leash.py module arguments`.

A test run that is killed cannot stop its servers, but their standard input closes with
it.
"""

import os
import runpy
import signal
import sys
import threading


def end_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    # Not the folder of this file, whose modules a server must not import.
    sys.path[0] = os.getcwd()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
