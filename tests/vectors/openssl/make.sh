#!/bin/sh
# Writes keys.json: key pairs in every PEM form that OpenSSL 3 writes. Run it here; it needs openssl and python3.
set -eu
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
pair() { # algorithm, form, private key file
    openssl pkey -in "$3" -pubout -out "$work/public.pem"
    python3 - "$1" "$2" "$3" "$work/public.pem" >>"$work/all" <<'PY'
import json, sys
alg, form, private, public = sys.argv[1:]
print(json.dumps({"alg": alg, "form": form, "private": open(private).read(), "public": open(public).read()}))
PY
}
openssl genrsa -out "$work/rsa.pem" 2048 2>/dev/null
pair RS256 "RSA, PKCS#8" "$work/rsa.pem"
openssl rsa -in "$work/rsa.pem" -traditional -out "$work/rsa1.pem" 2>/dev/null
pair PS384 "RSA, PKCS#1" "$work/rsa1.pem"
for curve in ES256:prime256v1 ES384:secp384r1 ES512:secp521r1 ES256K:secp256k1; do
    openssl ecparam -name "${curve#*:}" -genkey -noout -out "$work/ec.pem"
    pair "${curve%%:*}" "${curve#*:}, SEC 1" "$work/ec.pem"
    openssl pkcs8 -topk8 -nocrypt -in "$work/ec.pem" -out "$work/ec8.pem"
    pair "${curve%%:*}" "${curve#*:}, PKCS#8" "$work/ec8.pem"
    openssl ec -in "$work/ec.pem" -no_public -out "$work/ecbare.pem" 2>/dev/null
    pair "${curve%%:*}" "${curve#*:}, SEC 1 without the public half" "$work/ecbare.pem"
done
openssl genpkey -algorithm ed25519 -out "$work/ed.pem"
pair EdDSA "Ed25519, PKCS#8" "$work/ed.pem"
python3 -c 'import json,sys; json.dump([json.loads(l) for l in open(sys.argv[1])], open("keys.json","w"), indent=1)' "$work/all"
