"""Prune: free the engine of what nothing needs, and of nothing else."""
