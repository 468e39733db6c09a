"""The command line, as ``python -m ktextures``."""

import sys

from ktextures.cli import main

if __name__ == "__main__":
    sys.exit(main())
