#!/bin/sh
# Makes the secrets of compose.yaml in ./secrets, each only if it is missing.
#
# The folder is closed to others on this machine. The files in it are not: the containers see them with the same mode
# and read them as a user of their own.
set -eu
cd "$(dirname "$0")/.."
mkdir -p -m 700 secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

[ -e secrets/link_key ] || random >secrets/link_key
[ -e secrets/postgres_password ] || random >secrets/postgres_password
[ -e secrets/store_url ] ||
    printf 'postgresql://wyld:%s@postgres/wyld' "$(cat secrets/postgres_password)" >secrets/store_url
chmod 644 secrets/*
