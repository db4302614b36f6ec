"""A card in the clear and sealed: how it is packed, fingerprinted, bound to its key's id, and masked."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

import msgspec

from heyi.infra.sealing import DataKey, Sealing

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[str, str | None]).decode
DATA_KEYS_KEPT_MAX = 512


def sealed(data_key: DataKey, key_id: UUID, code: str, secret: str | None) -> bytes:
    """A card as it lies in the vault: it opens only with its batch's data key and under its own id."""
    return data_key.seal(_pack((code, secret)), key_id.bytes)


def opened(data_key: DataKey, key_id: UUID, value: bytes) -> tuple[str, str | None]:
    """(code, secret). Raises SealBroken when the value was sealed for another key."""
    return _unpack(data_key.open(value, key_id.bytes))


def fingerprint(sealing: Sealing, code: str, secret: str | None) -> bytes:
    """The same card has the same fingerprint, whatever benefit it is sold as: one card must not be sold twice.

    Cards hold no control characters, so the separator cannot be part of one.
    """
    return sealing.fingerprint(f"{code}\x1f{secret}".encode() if secret else code.encode())


@lru_cache(maxsize=DATA_KEYS_KEPT_MAX)
def data_key(sealing: Sealing, wrapped: bytes) -> DataKey:
    """The data key behind its wrapped form; the last few hundred stay unwrapped in memory."""
    return sealing.data_key(wrapped)
