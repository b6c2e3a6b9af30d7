#!/bin/sh
# Makes .cache/peer, the Python environment with the original (autocrud 0.9.0), its
# clients of PostgreSQL and S3, and a client of NATS, that the live tests and `make
# bench` use. Everything in it is pinned by internal/pypeer/constraints.txt; a copy of
# that file in the environment says what was installed, so a second run returns at once.
#
# PYTHON names the interpreter (default python3, at least 3.11).
set -eu

cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
env=.cache/peer
wanted=internal/pypeer/constraints.txt
stamp=$env/constraints.txt

say() { echo "peer: $*" >&2; }
die() { say "$@"; exit 1; }

if [ -f "$stamp" ] && cmp -s "$wanted" "$stamp" && "$env/bin/python" -c '' 2>/dev/null; then
	exit 0
fi

command -v "$PYTHON" >/dev/null 2>&1 ||
	die "there is no $PYTHON; install Python 3.11 or newer, or name one: make peer PYTHON=/path/to/python3"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
	die "$("$PYTHON" --version) is too old, the original needs 3.11; name a newer one: make peer PYTHON=/path/to/python3"

log=.cache/peer-setup.log
mkdir -p .cache
rm -rf "$env"
: >"$log"

with_venv() { "$PYTHON" -c 'import ensurepip' && "$PYTHON" -m venv "$env"; }

# Debian keeps ensurepip in a package of its own; its pip can still bring virtualenv.
with_virtualenv() {
	"$PYTHON" -m pip install --quiet --target .cache/virtualenv virtualenv &&
		PYTHONPATH=.cache/virtualenv "$PYTHON" -m virtualenv --quiet "$env"
}

with_apt() {
	[ "$(id -u)" = 0 ] && command -v apt-get &&
		DEBIAN_FRONTEND=noninteractive apt-get install -y python3-venv && with_venv
}

say "making $env with the original (once, about 20 s)"
made=
for way in with_venv with_virtualenv with_apt; do
	echo "== $way" >>"$log"
	if $way >>"$log" 2>&1; then
		made=$way
		break
	fi
	rm -rf "$env"
done
[ -n "$made" ] || {
	tail -5 "$log" >&2
	die "cannot make a virtual environment (details: $log); install python3-venv, or virtualenv for $PYTHON"
}

echo "== install" >>"$log"
"$env/bin/python" -m pip install --disable-pip-version-check --no-input \
	--constraint "$wanted" autocrud==0.9.0 psycopg2-binary==2.9.13 boto3==1.44.5 nats-py==2.16.0 >>"$log" 2>&1 || {
	tail -5 "$log" >&2
	die "cannot install the original (details: $log); is the package index reachable?"
}
"$env/bin/python" -c 'import autocrud, boto3, nats, psycopg2' >>"$log" 2>&1 || {
	tail -5 "$log" >&2
	die "the original was installed but does not import (details: $log)"
}
cp "$wanted" "$stamp"
say "ready"
