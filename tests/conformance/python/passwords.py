"""Hashes passwords as Werkzeug, Django, bcrypt and argon2-cffi do, and writes them down as JSON.

    passwords.py      [{"username", "password", "password_hash"}, ...] on stdout
"""

import json

import argon2
import bcrypt
import django.conf
import django.contrib.auth.hashers as django_hashers
import werkzeug.security

HASHERS = "django.contrib.auth.hashers."

django.conf.settings.configure(
    PASSWORD_HASHERS=[
        HASHERS + name
        for name in (
            "PBKDF2PasswordHasher",
            "PBKDF2SHA1PasswordHasher",
            "Argon2PasswordHasher",
            "BCryptSHA256PasswordHasher",
            "BCryptPasswordHasher",
        )
    ]
)

# Longer than the 72 bytes bcrypt looks at, and with letters of more than one byte.
LONG = "grüße aus der langen passphrase, die kein bcrypt am stück verarbeiten könnte, " * 2


def werkzeug_method(method):
    return lambda password: werkzeug.security.generate_password_hash(password, method=method)


def django_method(hasher):
    return lambda password: django_hashers.make_password(password, hasher=hasher)


def bcrypt_method(prefix):
    def make(password):
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(12, prefix=prefix)).decode()

    return make


METHODS = {
    "werkzeug-default": werkzeug.security.generate_password_hash,
    "werkzeug-scrypt": werkzeug_method("scrypt:16384:8:2"),
    "werkzeug-pbkdf2": werkzeug_method("pbkdf2"),
    "werkzeug-pbkdf2-sha512": werkzeug_method("pbkdf2:sha512:210000"),
    "django-pbkdf2": django_method("pbkdf2_sha256"),
    "django-pbkdf2-sha1": django_method("pbkdf2_sha1"),
    "django-argon2": django_method("argon2"),
    "django-bcrypt-sha256": django_method("bcrypt_sha256"),
    "django-bcrypt": django_method("bcrypt"),
    "bcrypt-2b": bcrypt_method(b"2b"),
    "bcrypt-2a": bcrypt_method(b"2a"),
    "argon2-cffi": argon2.PasswordHasher().hash,
}
SHORT_ONLY = {"django-bcrypt", "bcrypt-2b", "bcrypt-2a"}


def users():
    for name, method in METHODS.items():
        password = f"pässword of {name}" if name in SHORT_ONLY else LONG + name
        yield {"username": name, "password": password, "password_hash": method(password)}


if __name__ == "__main__":
    print(json.dumps(list(users())))
