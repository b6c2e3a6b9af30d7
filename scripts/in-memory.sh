#!/bin/sh
# in-memory.sh CMD...: runs a command with its temporary files in memory, where the machine
# has the room. Tests make and remove hundreds of thousands of small files, databases among
# them, and none sees the machine die. Elsewhere, and where TMPDIR is set, the command runs
# as it is.
#
# The directory has the same name each time, for Go runs a test again when TMPDIR is another
# one. Whoever is the last to end empties it, of what killed tests have left, too.
set -eu

shm=/dev/shm
room=4194304 # KiB; a whole run takes a quarter of it
dir=$shm/specstar-tmp-$(id -u)

# unused prints how much memory the machine, and the container, have to give, in KiB.
unused() {
	machine=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
	limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
	if [ "$limit" != max ]; then
		limit=$(((limit - $(cat /sys/fs/cgroup/memory.current)) / 1024))
		[ "$limit" -ge "$machine" ] || machine=$limit
	fi
	echo "$machine"
}

# fits tells whether files may be there, programs among them, and whether they have the room.
fits() {
	[ -z "${TMPDIR:-}" ] && [ -w "$shm" ] && [ -r /proc/meminfo ] && command -v flock >/dev/null || return 1
	! grep -q "^[^ ]* $shm [^ ]* [^ ]*noexec" /proc/mounts || return 1
	[ "$(df -Pk "$shm" | awk 'NR == 2 { print $4 }')" -ge "$room" ] && [ "$(unused)" -ge $((2 * room)) ]
}

# ours makes the directory, or tells whether it is ours: anybody may make one there. Others
# may enter it, since root lends PostgreSQL another account.
ours() {
	mkdir -m 755 "$dir" 2>/dev/null || { [ ! -L "$dir" ] && [ -d "$dir" ] && [ -O "$dir" ]; }
}

{ fits && ours; } || exec "$@"
exec 9<"$dir"
flock -s 9
trap 'if flock -n 9; then find "$dir" -mindepth 1 -delete; fi' EXIT
trap 'exit 130' INT TERM HUP
TMPDIR=$dir "$@" 9>&-
