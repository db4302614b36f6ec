"""Sealing: AES-256-GCM envelopes, keyed fingerprints, and keys derived from the master key.

A batch of card keys has its own data key, wrapped by the master key; each secret is sealed with the data key and
bound to its row by associated data, so a sealed value copied to another row does not open (NIST SP 800-38D;
RFC 5869 for the derived keys).
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SealBroken(Exception):
    """A sealed value did not open: wrong master key, another row's value, or damage."""


class DataKey:
    """One data key in the clear, for sealing many values."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, value: bytes, bound_to: bytes) -> bytes:
        """12 bytes of nonce, then the ciphertext with its tag."""
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, value, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The value. Raises SealBroken."""
        try:
            return self._aead.decrypt(sealed[:12], sealed[12:], bound_to)
        except InvalidTag as broken:
            raise SealBroken from broken


class Sealing:
    """What the master key can do. It never leaves this object."""

    def __init__(self, master_key: bytes) -> None:
        self._wrap = DataKey(self._derived(master_key, b"heyi wrap"))
        self._fingerprint = self._derived(master_key, b"heyi fingerprint")
        self._codes = self._derived(master_key, b"heyi redemption codes")
        self._secrets = DataKey(self._derived(master_key, b"heyi stored secrets"))

    def new_data_key(self) -> tuple[DataKey, bytes]:
        """A fresh data key, and its wrapped form for storage."""
        key = os.urandom(32)
        return DataKey(key), self._wrap.seal(key, b"data key")

    def data_key(self, wrapped: bytes) -> DataKey:
        """The data key behind a wrapped form. Raises SealBroken."""
        return DataKey(self._wrap.open(wrapped, b"data key"))

    def fingerprint(self, value: bytes) -> bytes:
        """A keyed 16-byte fingerprint: finds duplicates without the value being guessable from it."""
        return hmac.digest(self._fingerprint, value, "sha256")[:16]

    def code_secret(self, about: bytes) -> bytes:
        """A 20-byte secret for one entitlement's rotating code; derived, so nothing needs to be stored."""
        return hmac.digest(self._codes, about, "sha256")[:20]

    def seal_secret(self, value: str, bound_to: str) -> bytes:
        """Seal a small stored secret (supplier credentials, webhook secrets)."""
        return self._secrets.seal(value.encode(), bound_to.encode())

    def open_secret(self, sealed: bytes, bound_to: str) -> str:
        """Open what `seal_secret` sealed. Raises SealBroken."""
        return self._secrets.open(sealed, bound_to.encode()).decode()

    @staticmethod
    def _derived(master: bytes, info: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def key_hash(secret: str) -> bytes:
    """What is stored of an API key: it has 160 random bits, so a plain SHA-256 cannot be searched backwards."""
    return hashlib.sha256(secret.encode()).digest()
