"""Certificates for a cluster: an authority of its own, and a certificate for each host. Nothing else trusts them.

A host proves by its certificate that it belongs to the cluster. Names are not compared: whoever has a certificate of
this authority is in.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ocrspool.errors import EngineError

YEARS = 10
"""A certificate that expires stops a cluster, and nobody else uses these. `ocrspool doctor` tells when one ends."""


def make(folder: Path, host: str) -> list[Path]:
    """Make a certificate for a host, and before it the authority if there is none. Return the files for that host.

    Raise EngineError where the host has one already, or the folder holds half an authority; OSError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority, key = _authority(folder)
    place = folder / host
    if place.exists():
        raise EngineError(f"{place} is there already", "remove it first if the host is to have another certificate")
    place.mkdir(mode=0o700)
    own = ec.generate_private_key(ec.SECP256R1())
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = (
        _builder(host, authority.subject, own)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        # Python 3.13 asks for both identifiers (VERIFY_X509_STRICT, RFC 5280 section 4.2.1).
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    files = [place / "ca.crt", place / "host.crt", place / "host.key"]
    _write(files[0], authority.public_bytes(Encoding.PEM), 0o644)
    _write(files[1], builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), 0o644)
    _write(files[2], _key_bytes(own), 0o600)
    return files


def ends(certificate: Path) -> datetime:
    """Return when a certificate ends, in UTC. Raise OSError; ValueError where the file is none."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate, key = folder / "ca.crt", folder / "ca.key"
    if certificate.exists() != key.exists():
        missing = key if certificate.exists() else certificate
        raise EngineError(f"{missing} is missing, and the other file of the authority is there", "bring both together")
    if certificate.exists():
        loaded = load_pem_private_key(key.read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise EngineError(f"{key} is a key of another kind", "use a folder of its own for this cluster")
        return x509.load_pem_x509_certificate(certificate.read_bytes()), loaded
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ocrspool cluster")])
    made = (
        _builder("ocrspool cluster", name, own)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .sign(own, hashes.SHA256())
    )
    _write(key, _key_bytes(own), 0o600)
    _write(certificate, made.public_bytes(Encoding.PEM), 0o644)
    return made, own


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of hosts differ
        .not_valid_after(now + timedelta(days=365 * YEARS))
    )


def _signs_certificates() -> x509.KeyUsage:
    others = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    return x509.KeyUsage(**others, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
