"""What the program reports about itself: log, journal, systemd, statistics, status."""
