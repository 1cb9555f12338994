"""Text for people: escapes, quantities, tables."""
