"""How fast the course trains, measured against its peers: ``make bench``. See README.md in this folder."""
