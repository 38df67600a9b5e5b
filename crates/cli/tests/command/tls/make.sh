#!/bin/sh
# Writes an authority of the tests' own, and a certificate for 127.0.0.1 that it has signed, with its key. Run it
# here; it needs openssl. The authority's key is thrown away.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new -days 36500 -subj "/CN=authority of the tests" -keyout "$work/authority-key.pem" \
    -out authority.pem -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
openssl req $new -subj "/CN=signed by the authority of the tests" -keyout signed-key.pem -out "$work/signed.csr"
printf '%s\n' "subjectAltName=IP:127.0.0.1" "basicConstraints=critical,CA:FALSE" >"$work/extensions"
openssl x509 -req -in "$work/signed.csr" -CA authority.pem -CAkey "$work/authority-key.pem" -days 36500 \
    -extfile "$work/extensions" -out signed.pem
