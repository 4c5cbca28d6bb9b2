"""What worked against the peers is tried here, on every path that leads there (docs/published-holes.md)."""
