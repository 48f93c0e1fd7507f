#!/usr/bin/env bash
# Prints the ARN of a new self-signed certificate for DOMAIN_NAME; see buildspec.yml.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

# The name stands in the alternative names alone: a subject has room for 64 characters, and clients
# do not look at it. CA:TRUE, for whoever trusts this certificate trusts it as its own issuer.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 \
  -days "$DAYS" -subj "/CN=self-signed" -addext "subjectAltName=DNS:$DOMAIN_NAME" \
  -addext "keyUsage=critical,digitalSignature,keyCertSign" -addext "extendedKeyUsage=serverAuth" \
  -keyout "$work/key.pem" -out "$work/certificate.pem" 2> "$work/openssl.log" ||
  { cat "$work/openssl.log" >&2; exit 1; }

aws acm import-certificate \
  --certificate "fileb://$work/certificate.pem" \
  --private-key "fileb://$work/key.pem" \
  --tags "Key=stack,Value=$STACK_NAME" \
  --query CertificateArn --output text
