"""What children are told by variables: what they need, and no secret of the service's."""

from __future__ import annotations

from pathlib import Path

from ocrspool.processes.environment import of_decoders, of_workers

SERVICE = {
    "PATH": "/usr/bin",
    "LC_ALL": "C.UTF-8",
    "LD_LIBRARY_PATH": "/usr/lib/cuda",
    "CUDA_VISIBLE_DEVICES": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "HOOK_API_TOKEN": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "NOTIFY_SOCKET": "/run/systemd/notify",
    "CREDENTIALS_DIRECTORY": "/run/credentials",
    "https_proxy": "http://me:secret@proxy",
    "SSL_CERT_FILE": "/etc/ssl/ours.pem",
    "XDG_CACHE_HOME": "/home/me/.cache",
}
KEPT = {"PATH", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OPENBLAS_CORETYPE"}


def test_a_decoder_gets_no_secret() -> None:
    """Its document may take it over."""
    found = of_decoders(SERVICE, Path("/cache"))
    assert found.keys() & SERVICE.keys() == KEPT | {"XDG_CACHE_HOME"}
    assert not [name for name, value in found.items() if "secret" in value]


def test_a_worker_can_fetch_models() -> None:
    """It gets what reaching the network takes, and nothing of hooks."""
    found = of_workers(SERVICE, Path("/cache"))
    assert found.keys() & SERVICE.keys() == KEPT | {"XDG_CACHE_HOME", "https_proxy", "SSL_CERT_FILE"}


def test_libraries_write_below_the_cache() -> None:
    """Whatever the service was told."""
    for found in (of_decoders(SERVICE, Path("/cache")), of_workers(SERVICE, Path("/cache"))):
        assert found["XDG_CACHE_HOME"] == "/cache/home/.cache"
        assert found["HOME"] == "/cache/home"
        assert found["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_worker_beside_a_gpu_uses_memory_again() -> None:
    """Any other one gives buffers of a megabyte back to the system when they are freed."""
    kept, given = (of_workers(SERVICE, Path("/cache"), keeps_memory=keeps) for keeps in (True, False))
    assert kept["MALLOC_MMAP_THRESHOLD_"] == str(32 << 20)
    assert given["MALLOC_MMAP_THRESHOLD_"] == str(1 << 20)
    assert {name for name in kept.keys() | given.keys() if kept.get(name) != given.get(name)} == {
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
    }


def test_a_decoder_uses_the_memory_of_an_ordinary_page_again() -> None:
    """A worker on a CPU does not: its memory is what counts."""
    decoder, worker = of_decoders(SERVICE, Path("/cache")), of_workers(SERVICE, Path("/cache"))
    assert decoder["MALLOC_MMAP_THRESHOLD_"] == str(8 << 20)
    assert decoder["MALLOC_TRIM_THRESHOLD_"] == str(16 << 20)
    assert "MALLOC_TRIM_THRESHOLD_" not in worker


def test_what_was_set_of_the_c_library_stays() -> None:
    """A decoder asks for large pages of memory only where nothing else is asked of it."""
    assert of_decoders(SERVICE, Path("/cache"))["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"
    told = {**SERVICE, "GLIBC_TUNABLES": "glibc.malloc.check=3"}
    assert of_decoders(told, Path("/cache"))["GLIBC_TUNABLES"] == "glibc.malloc.check=3"
