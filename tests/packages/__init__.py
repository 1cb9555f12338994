"""The packages of dist/packages as they are installed; `make test-packages` runs these tests."""
