"""`python -m xenwatch`."""

import sys

from xenwatch.cli import main

if __name__ == "__main__":
    sys.exit(main())
