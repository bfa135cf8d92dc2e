"""What `systemctl start` waits for: engines built or found sound, loaded, and the service ready."""

from __future__ import annotations

import re
import shutil
import time

from support.lab_machine import ENGINES, PREBUILD, SERVICE, Machine, record

_STATUS = re.compile(
    r"ready · openvino (f32|bf16) · \d+ waiting, \d+ in work, \d+ done, \d+ failed · \d+\.\d pages/s", re.ASCII
)
_BUILD_ON_START = """
[Service]
TimeoutStartSec=2
ReadOnlyPaths=
Restart=no
"""


def test_start_returns_when_the_service_is_ready(machine: Machine) -> None:
    """`systemctl start` comes back neither before the engines are loaded nor without a status line."""
    machine.start()
    assert machine.show("ActiveState") == "active"
    assert _STATUS.fullmatch(machine.show("StatusText"))
    # The service's own measure, to hundredths, and systemd's: when a line reaches the journal says nothing.
    loaded_after = float(re.findall(r" ready after ([0-9.]+) s: ", machine.journal())[-1])
    started = machine.seconds("ExecMainStartTimestampMonotonic")
    active = machine.seconds("ActiveEnterTimestampMonotonic")
    assert active - started > loaded_after - 0.01


def test_prebuild_runs_first_and_once(machine: Machine) -> None:
    """Each start runs the prebuild once, to its end, before the service; engines that are there are found sound."""
    machine.start()
    machine.stop()
    before = time.time()
    machine.start()
    said = machine.journal(before)
    assert said.count("already there and sound") == 1
    assert said.count("Finished ocrspool-prebuild.service") == 1
    assert ": built, " not in said
    finished = machine.seconds("InactiveEnterTimestampMonotonic", PREBUILD)
    assert finished <= machine.seconds("ExecMainStartTimestampMonotonic")
    record("start.txt", said)


def test_an_emptied_cache_is_filled_by_the_next_start(machine: Machine) -> None:
    """Engines may be deleted at any time: the next start builds them, and its progress is in the journal."""
    shutil.rmtree(ENGINES, ignore_errors=True)
    before = time.time()
    machine.start()
    said = machine.journal(before)
    assert machine.show("ActiveState") == "active"
    assert re.search(r"engine [0-9a-f]{16}: built", said)
    for number in (1, 2, 3):
        assert re.search(rf"building \w+ engine {number}/3", said)


def test_a_build_may_take_longer_than_the_start_timeout(machine: Machine) -> None:
    """A service that builds its engine itself asks for more time while it does, and gets it."""
    machine.no_prebuild()
    machine.configure('engine.on_missing = "build"\n')
    machine.drop_in(SERVICE, _BUILD_ON_START)
    shutil.rmtree(ENGINES, ignore_errors=True)
    machine.start()
    took = machine.seconds("ActiveEnterTimestampMonotonic") - machine.seconds("ExecMainStartTimestampMonotonic")
    assert took > 2, "the build was too fast to show anything"
    record("extension.txt", f"TimeoutStartSec=2, start took {took:.2f} s\n{machine.journal()[-3000:]}")


def test_without_more_time_that_build_is_ended(machine: Machine) -> None:
    """The control of the test above: a service that cannot ask is told to end by the timeout, and does so."""
    machine.no_prebuild()
    machine.configure('engine.on_missing = "build"\n')
    machine.drop_in(SERVICE, f"{_BUILD_ON_START}UnsetEnvironment=NOTIFY_SOCKET\n")
    shutil.rmtree(ENGINES, ignore_errors=True)
    assert machine.systemctl("start", SERVICE, check=False).returncode != 0
    assert machine.show("Result") == "timeout"
    assert machine.show("ExecMainStatus") != "9", "systemd had to kill it"


def test_a_missing_engine_fails_the_start(machine: Machine) -> None:
    """A service that finds no engine, and may not build one, says which it wants and what makes it."""
    machine.no_prebuild()
    shutil.rmtree(ENGINES, ignore_errors=True)
    before = time.time()
    assert machine.systemctl("start", SERVICE, check=False).returncode != 0
    assert machine.show("ExecMainStatus") == "69"
    assert re.search(r"no engine [0-9a-f]{16} in .*\n.*ocrspool prebuild", machine.journal(before))
