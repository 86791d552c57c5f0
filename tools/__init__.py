"""What `make` runs: the course's own commands, and the environment they run in."""
