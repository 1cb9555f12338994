"""`xenwatch` and `python -m xenwatch`."""

import sys


def main() -> int:
    """Run the command line. Returns the exit status."""
    # What runs as root and answers a front has none of what the other commands import.
    if sys.argv[1:2] == ["reader"]:
        from xenwatch.cli import reader  # noqa: PLC0415

        return reader.main(sys.argv[1:])
    from xenwatch.cli.main import main as every_command  # noqa: PLC0415

    return every_command()


if __name__ == "__main__":
    sys.exit(main())
