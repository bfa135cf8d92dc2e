"""More than one machine for one spool. Only the bridge, `ocrspool node` and `ocrspool cluster` load this package.

A service that has a cluster starts the bridge, a child process (`bridge/`). It calls the hosts. On each host an agent
(`agent.py`, in `ocrspool node`) owns that host's own pool of workers. Both meet at a scheduler, which only knows which
hosts there are. `dask/` is the one place that knows Dask; the rest knows the Protocols of `api.py`.
"""
