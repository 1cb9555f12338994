"""Display: printable text, quantities, columns."""
