"""HTTP for machines and people: health, metrics, the status page."""
