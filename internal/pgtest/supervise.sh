# Runs a server and ends it when its standard input says so or is closed, which
# it is when the process that holds the other end dies, however it dies.
#
#	supervise.sh DIR COMMAND...
#
# The first line of output is the server's process id. A line of input is the
# signal that ends it. When the input ends without one, DIR is removed as well.
dir=$1
shift
exec 3<&0
"$@" 3<&- </dev/null >>"$dir/log" 2>&1 &
server=$!
(
	if read -r signal; then
		kill -"$signal" "$server"
		exit 0
	fi
	trap '' TERM
	kill -QUIT "$server"
	exit 9
) <&3 >/dev/null 2>&1 &
watch=$!
echo "$server"
exec 3<&- </dev/null
wait "$server"
status=$?
kill "$watch" 2>/dev/null
wait "$watch"
[ $? -ne 9 ] || rm -rf "$dir"
exit "$status"
