#!/bin/sh
# Makes sure that this machine has PostgreSQL, which tests and benchmarks start a
# private server of. Installs it where it may; says what to install elsewhere. Silent when
# it is there.
#
# PG_BIN names the directory of initdb and postgres, if they are in an unusual place.
set -eu

cd "$(dirname "$0")/.."

say() { echo "services: $*" >&2; }
die() { say "$@"; exit 1; }

# The places where internal/pgtest looks, too.
found() {
	if [ -n "${PG_BIN:-}" ]; then
		[ -x "$PG_BIN/initdb" ] && [ -x "$PG_BIN/postgres" ]
		return
	fi
	if initdb=$(command -v initdb); then
		[ ! -x "$(dirname "$(readlink -f "$initdb")")/postgres" ] || return 0
	fi
	for bin in /usr/lib/postgresql/*/bin; do
		[ ! -x "$bin/initdb" ] || [ ! -x "$bin/postgres" ] || return 0
	done
	return 1
}

if found; then
	exit 0
fi
[ -z "${PG_BIN:-}" ] || die "PG_BIN=$PG_BIN does not hold initdb and postgres"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	die "PostgreSQL is missing; install the package postgresql (15 or newer), or name the directory of initdb and postgres in PG_BIN"
fi

log=.cache/services-setup.log
mkdir -p .cache
say "installing the package postgresql (once)"
install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; }
# The lists of packages may be missing or old.
if ! { install || { apt-get update && install; }; } >"$log" 2>&1; then
	tail -5 "$log" >&2
	die "cannot install PostgreSQL (details: $log); install the package postgresql"
fi
found || die "the package postgresql was installed, but initdb and postgres are not found"
say "ready"
