"""What the program tells of itself: log, journal, systemd, statistics, status."""
