"""What some suppliers wrap their cards in on the way."""

import base64

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

KEY_BYTES = 32


def aes_256_ecb(text: str, secret: str) -> str:
    """AES-256-ECB with PKCS7 padding in base64; a secret that is no key by its length is cut or filled with zeros."""
    key = secret.encode().ljust(KEY_BYTES, b"\0")[:KEY_BYTES]
    padder, encryptor = PKCS7(algorithms.AES.block_size).padder(), Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    padded = padder.update(text.encode()) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
