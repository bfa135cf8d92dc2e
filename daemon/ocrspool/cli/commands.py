"""The function of each command: options in, exit code out. Each imports only what it needs, to start fast."""

from __future__ import annotations

from argparse import Namespace

from ocrspool.config.loader import load
from ocrspool.config.schema import Config
from ocrspool.errors import Exit, OcrspoolError
from ocrspool.observability import log_setup
from ocrspool.processes.owner import become_owner


class UsageError(OcrspoolError):
    """Options that do not go together."""

    exit_code = Exit.USAGE


def run_serve(options: Namespace) -> int:
    """Watch the inboxes until told to stop. Root does so as the user whom the cache belongs to."""
    from ocrspool.service.first_steps import FirstSteps

    first = FirstSteps(options.config, options.log_format)
    become_owner(first.config.paths.cache)
    first.start_workers()
    from ocrspool.service.daemon import Service  # while engines load, which takes longest

    Service(first).run()
    return Exit.OK


def run_prebuild(options: Namespace) -> int:
    """Build the engines that are not there."""
    from ocrspool.cli.prebuild import prebuild

    return prebuild(_loaded(options), force=options.force)


def run_check(options: Namespace) -> int:
    """Find what is wrong with the configuration."""
    from ocrspool.cli.check import check

    return check(options.config, show=options.show, start=options.start)


def run_once(options: Namespace) -> int:
    """Read files where they lie."""
    from ocrspool.cli.once import once

    return once(options.paths, options.outbox, options.config, options.profile, options.outputs)


def run_status(options: Namespace) -> int:
    """Tell where things stand, once or again and again, or prove it."""
    if options.audit and options.watch:
        raise UsageError("--watch is not for --audit, which takes its time")
    if options.audit:
        from ocrspool.cli.audit import prove

        return prove(
            load(options.config),
            mend=options.repair,
            thorough=options.thorough,
            warnings=options.warnings,
            as_json=options.json,
        )
    if options.repair or options.thorough or options.warnings:
        raise UsageError("--repair, --thorough and --warnings need --audit")
    from ocrspool.cli.status import collect, status

    config = load(options.config)
    if options.watch:
        from ocrspool.cli.status_watch import watch

        watch(lambda: collect(config), options.watch, as_json=options.json)
    return status(config, as_json=options.json)


def run_retry(options: Namespace) -> int:
    """Put failed files back."""
    from ocrspool.cli.retry import retry

    return retry(load(options.config), options.names, inbox=options.inbox, everything=options.all)


def run_engines(options: Namespace) -> int:
    """Do one thing with the engine cache."""
    from ocrspool.cli import engines

    config = _loaded(options)
    if options.act == "ls":
        return engines.ls(config, as_json=options.json)
    if options.act == "verify":
        return engines.verify(config, options.fingerprints, as_json=options.json)
    if options.act == "gc":
        return engines.gc(config, keep=options.keep, dry_run=options.dry_run, instead=options.fingerprint)
    if options.act == "export":
        return engines.export(config, options.fingerprint, options.file)
    return engines.import_engine(config, options.file)


def run_inbox(options: Namespace) -> int:
    """Add or remove an inbox, or open it to the service."""
    from ocrspool.cli import inbox

    if options.act == "add":
        return inbox.add(options.config, options.name, options.root, dry_run=options.dry_run)
    if options.act == "remove":
        return inbox.remove(options.config, options.name, dry_run=options.dry_run)
    return inbox.repair(options.config, options.name, dry_run=options.dry_run)


def run_doctor(options: Namespace) -> int:
    """Look at everything that this depends on."""
    from ocrspool.cli.doctor import doctor

    return doctor(options.config, as_json=options.json)


def run_node(options: Namespace) -> int:
    """Read pages for the services of a cluster. Root does so as the user whom the cache belongs to."""
    config = _loaded(options)
    _extra_cluster()
    become_owner(config.paths.cache)
    from ocrspool.cluster.node import run

    run(config)
    return Exit.OK


def run_cluster(options: Namespace) -> int:
    """Run the scheduler, or make certificates."""
    _extra_cluster()
    if options.act == "certificates":
        from ocrspool.cli.certificates import certificates

        return certificates(options.folder, options.hosts)
    from ocrspool.cluster.scheduler import run

    run(_loaded(options))
    return Exit.OK


def _extra_cluster() -> None:
    """Raise OcrspoolError where the libraries of a cluster are not installed."""
    from importlib.util import find_spec

    if find_spec("distributed") is None or find_spec("cryptography") is None:
        error = OcrspoolError(
            "this needs the extra cluster, which is not installed",
            "scripts/install --with cluster, or pip install 'ocrspool[cluster]'",
        )
        error.exit_code = Exit.UNAVAILABLE
        raise error


def run_schema(options: Namespace) -> int:
    """Print a JSON Schema."""
    from ocrspool.cli.json_schemas import schema

    return schema(options.of)


def _loaded(options: Namespace) -> Config:
    config = load(options.config)
    log_setup.set_up(config.log.level, config.log.format)
    return config
