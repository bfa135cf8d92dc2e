"""A campaign of faults against a real service, on a small spool, while documents keep coming: `scripts/torture`.

`campaign` runs it: a fault, then quiet, then the judge. `world` is the service with its folders and mounts, `producer`
and `consumer` are those who use it, `judge` is the invariant. The faults are in a module for each family.
"""
