"""The open benchmark of strain alerts: `python -m benchmarks.strain`. Protocol and results are in README.md."""
