"""Keys that we sign with: read, made, and shown as public JWK (RFC 7517). SMART allows RS384 and ES384.

cryptography is imported when a key is needed, for it takes long to load.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    Private = EllipticCurvePrivateKey | RSAPrivateKey

Algorithm = Literal["ES384", "RS384"]
RSA_BITS = 3072
"""Size of RSA keys that we make."""
RSA_LEAST = 2048
"""The least that we sign with: SMART App Launch 2, client-confidential-asymmetric."""

_IDENTIFYING = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
"""Members that a thumbprint is made of, and the only key material that is public: RFC 7638 3.2."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, its algorithm, and the id under which its public half is registered."""

    private: Private
    alg: Algorithm
    kid: str

    def __repr__(self) -> str:
        return f"SigningKey({self.alg}, kid={self.kid!r})"

    def public_jwk(self) -> dict[str, str]:
        """The public half, for a JWK Set."""
        return {**_public(self.private), "alg": self.alg, "kid": self.kid, "use": "sig"}

    def pem(self) -> bytes:
        """The private key as PKCS #8 PEM, unencrypted."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def generate(alg: Algorithm) -> SigningKey:
    """A new key: P-384, or RSA of RSA_BITS. Its id is its thumbprint."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    private: Private
    private = ec.generate_private_key(ec.SECP384R1()) if alg == "ES384" else rsa.generate_private_key(65537, RSA_BITS)
    return SigningKey(private, alg, thumbprint(_public(private)))


def load(text: str, kid: str | None = None) -> SigningKey:
    """A private key from PEM, a JWK, or a JWK Set. ConfigError says what is wrong with it, never what is in it.

    kid  the key's id; chooses among several keys of a set. None: of the JWK, else its thumbprint
    """
    return _from_json(text, kid) if text.lstrip().startswith("{") else _accepted(_from_pem(text), kid)


def thumbprint(jwk: Mapping[str, str]) -> str:
    """The id of a key that has no other: SHA-256 of the members that identify it, base64url (RFC 7638)."""
    members = {name: jwk[name] for name in _IDENTIFYING[jwk["kty"]]}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _public(private: Private) -> dict[str, str]:
    """The members of its public JWK that identify it, and nothing else."""
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    algorithm: Any = RSAAlgorithm if _is_rsa(private) else ECAlgorithm
    jwk: dict[str, Any] = algorithm.to_jwk(private.public_key(), as_dict=True)
    return {name: jwk[name] for name in _IDENTIFYING[jwk["kty"]]}


def _is_rsa(private: object) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    return isinstance(private, RSAPrivateKey)


def _from_pem(text: str) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(text.encode(), None)
    except TypeError:
        raise ConfigError("the key is encrypted; give it unencrypted, for instance by a command") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("the key is no private key in PEM or JWK format") from None


def _from_json(text: str, kid: str | None) -> SigningKey:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError("the key is no valid JSON") from None
    keys = found["keys"] if isinstance(found.get("keys"), list) else [found]
    private = [k for k in keys if isinstance(k, dict) and "d" in k and k.get("use", "sig") == "sig"]
    if len(private) > 1 and kid is not None:
        private = [k for k in private if k.get("kid") == kid]
    if len(private) != 1:
        many = (
            "several private keys; say which by kid" if private else "no private key to sign with, or none of that kid"
        )
        raise ConfigError(f"the key set holds {many}")
    jwk = private[0]
    key = _accepted(_from_jwk(jwk), kid or (jwk["kid"] if isinstance(jwk.get("kid"), str) else None))
    if jwk.get("alg", key.alg) != key.alg:
        raise ConfigError("the key is for an algorithm that SMART does not use; make one for RS384 or ES384")
    return key


def _from_jwk(jwk: Mapping[str, Any]) -> object:
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm
    from jwt.exceptions import InvalidKeyError

    algorithm: Any = {"RSA": RSAAlgorithm, "EC": ECAlgorithm}.get(str(jwk.get("kty")))
    if algorithm is None:
        raise ConfigError("the key is neither RSA nor EC")
    try:
        return algorithm.from_jwk(dict(jwk))
    except (InvalidKeyError, ValueError, TypeError, KeyError):
        raise ConfigError("the key is no valid private JWK") from None


def _accepted(private: object, kid: str | None) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(private, RSAPrivateKey):
        if private.key_size < RSA_LEAST:
            raise ConfigError(f"the RSA key has {private.key_size} bits; at least {RSA_LEAST} are needed")
        return SigningKey(private, "RS384", kid or thumbprint(_public(private)))
    if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP384R1):
        return SigningKey(private, "ES384", kid or thumbprint(_public(private)))
    raise ConfigError("the key is neither RSA nor EC P-384: SMART signs by RS384 or ES384")
