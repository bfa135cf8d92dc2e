"""What a unit's sandbox lets it reach, as `systemctl show` tells it, and what of a configuration is out of reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.config import preflight, sandbox
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Engine, Metrics
from ocrspool.machine.units import Access, Unit

PRIVATE = "/var/tmp/x"  # noqa: S108 - nothing is made there
"""A place in a folder that a unit has a copy of."""

SHIPPED = {
    "User": "ocrspool",
    "NeedDaemonReload": "no",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateNetwork": "yes",
    "RestrictAddressFamilies": "AF_UNIX",
    "IPAddressDeny": "0.0.0.0/0 ::/0",
    "IPAddressAllow": "",
    "ReadWritePaths": '/var/spool/ocrspool "-/srv/my scans" -/srv/a',
    "ReadOnlyPaths": "-/var/cache/ocrspool/engines",
    "InaccessiblePaths": "",
    "CacheDirectory": "ocrspool",
    "RuntimeDirectory": "ocrspool",
    "StateDirectory": "ocrspool",
}
"""As systemd 252 prints the properties of ocrspool.service, with the drop-in of an inbox."""


def service(**changed: str) -> Unit:
    return Unit("ocrspool", {**SHIPPED, **changed})


def builder(**changed: str) -> Unit:
    return Unit("ocrspool-prebuild", {**SHIPPED, "ReadOnlyPaths": "", **changed})


@pytest.mark.parametrize(
    ("path", "access"),
    [
        ("/var/spool/ocrspool/default/inbox", "writable"),
        ("/var/spool/ocrspool-old", "read-only"),
        ("/srv/my scans/inbox", "writable"),
        ("/srv/a", "writable"),
        ("/srv", "read-only"),
        ("/var/cache/ocrspool", "writable"),
        ("/var/cache/ocrspool/engines/x", "read-only"),
        ("/run/ocrspool/metrics.sock", "writable"),
        ("/home/anna/scans", "hidden"),
        (PRIVATE, "private"),
    ],
)
def test_what_a_unit_reaches(path: str, access: Access) -> None:
    """The longest of the paths that are named decides; homes and /tmp are not the machine's."""
    assert service().access(Path(path)) == access


def test_a_unit_without_a_sandbox() -> None:
    """What is not confined reaches everything."""
    bare = Unit("bare")
    assert {bare.access(Path(path)) for path in ("/srv", "/home/anna", PRIVATE)} == {"writable"}
    assert bare.reaches("AF_INET")
    assert bare.may_answer_on_loopback()


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/etc/ocrspool/ocrspool.toml", ("ocrspool", "ocrspool-prebuild")),
        ("/etc/ocrspool-cyrillic/ocrspool.toml", ("ocrspool@cyrillic", "ocrspool-prebuild@cyrillic")),
        ("/etc/ocrspool/../ocrspool/ocrspool.toml", ("ocrspool", "ocrspool-prebuild")),
        ("/home/anna/ocrspool.toml", ()),
    ],
)
def test_whose_configuration_it_is(path: str, names: tuple[str, ...]) -> None:
    """A configuration belongs to units by its place."""
    assert sandbox.unit_names(Path(path)) == names


def config(root: str = "/var/spool/ocrspool/default", **more: object) -> Config:
    return Config.model_validate({"inbox": {"a": {"root": Path(root)}}, **more})


def problems(configured: Config) -> list[str]:
    return sandbox.problems(configured, (service(), builder()))


def test_the_default_configuration_fits_the_units() -> None:
    """Nothing is said of what works."""
    assert problems(Config()) == []


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        (config("/srv/x"), "ReadWritePaths=/srv/x by `systemctl edit ocrspool` and `systemctl edit ocrspool-prebuild`"),
        (config("/home/anna"), "inbox.a: ocrspool.service cannot use /home/anna: its sandbox hides home directories"),
        (config(PRIVATE), "PrivateTmp=yes"),
        (config(metrics=Metrics(listen="127.0.0.1:9464")), "copy metrics.conf to /etc/systemd/system/ocrspool.service"),
        (config(metrics=Metrics(listen="[::1]:9464")), "metrics.listen: "),
        (config(metrics=Metrics(listen="/srv/metrics.sock")), "may not make a socket in /srv"),
        (config(engine=Engine(models=PRIVATE)), "engine.models: ocrspool-prebuild.service cannot read"),
        (config(engine=Engine(on_missing="build")), "ReadOnlyPaths= by `systemctl edit ocrspool`"),
        (config(paths={"cache": Path("/srv/cache")}), "paths.cache: /srv/cache: it is read-only"),
        (config(paths={"runtime": Path("/srv/run")}), "paths.runtime: /srv/run: it is read-only"),
    ],
)
def test_one_cause_is_one_line(configured: Config, said: str) -> None:
    """Each thing that the units could not do is told once, with what changes it."""
    (problem,) = problems(configured)
    assert said in problem


def test_gpus_are_hidden_from_both_units() -> None:
    """Both need the drop-in for GPUs."""
    found = problems(config(engine=Engine(runtime="onnxruntime", devices=("gpu:0",))))
    assert [problem.split()[1] for problem in found] == ["ocrspool.service", "ocrspool-prebuild.service"]
    assert all("nvidia.conf" in problem for problem in found)


def test_the_drop_in_for_metrics_is_seen() -> None:
    """With the machine's network, its families, and its loopback, a port can be asked."""
    opened = service(
        PrivateNetwork="no",
        RestrictAddressFamilies="AF_INET AF_INET6 AF_UNIX",
        IPAddressAllow="127.0.0.0/8 ::1/128",
    )
    listening = config(metrics=Metrics(listen="127.0.0.1:9464"))
    assert sandbox.problems(listening, (opened, builder())) == []
    closed = service(PrivateNetwork="no", RestrictAddressFamilies="AF_INET AF_INET6 AF_UNIX")
    assert len(sandbox.problems(listening, (closed, builder()))) == 1


def test_two_mounts_of_one_inbox() -> None:
    """Each path that is named is a mount, and no rename crosses it; results may go to another one."""
    apart = service(ReadWritePaths="/srv/in /srv/rest /srv/out")
    folders = {"inbox": "/srv/in", "work": "/srv/rest/w", "outbox": "/srv/out", "done": "/srv/rest/d"}
    inbox = Inbox.model_validate({**folders, "failed": "/srv/rest/f"})
    (problem,) = sandbox.problems(Config(inbox={"a": inbox}), (apart, apart))
    assert problem.startswith("inbox.a: /srv/rest and /srv/in are mounts of their own")


def test_a_unit_that_was_edited_and_not_read_again() -> None:
    """What systemd has not read yet is not in effect."""
    found = sandbox.problems(Config(), (service(NeedDaemonReload="yes"), builder()))
    assert found == ["ocrspool.service has changed: run `systemctl daemon-reload`"]


def test_what_is_not_seen_is_told_apart() -> None:
    """A folder that a unit does not see has no other problem worth a line."""
    (unseen,), (closed,) = problems(config("/home/anna")), problems(config("/srv/x"))
    assert sandbox.is_unseen(unseen)
    assert not sandbox.is_unseen(closed)


def test_folders_that_systemd_makes(tmp_path: Path) -> None:
    """They are not there while the service is stopped, and that is no problem of the configuration."""
    assert Path("/run/ocrspool") in service().made
    blocked = tmp_path / "file"
    blocked.touch()
    configured = Config.model_validate({"paths": {"cache": tmp_path, "runtime": blocked / "run"}})
    assert "paths.runtime" in " ".join(preflight.problems(configured))
    assert "paths.runtime" not in " ".join(preflight.problems(configured, [blocked / "run"]))
