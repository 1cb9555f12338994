"""`python -m xenwatch`."""

import sys

from xenwatch.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
