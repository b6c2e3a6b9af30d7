package pgserver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of CPU times in /proc.
const tick = 10 * time.Millisecond

// CPU returns how long the processes of the server have run, see [CPU].
func (s *Server) CPU() time.Duration { return CPU(s.PID()) }

// CPU returns how long the processes of the server whose first one is given have run, those
// that have ended included: the first one has waited for them.
func CPU(server int) (total time.Duration) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, name := range stats {
		pid, parent, own, children, ok := readStat(name)
		switch {
		case !ok:
		case pid == server:
			total += own + children
		case parent == server:
			total += own
		}
	}
	return total
}

// readStat reads a file of proc(5).
func readStat(name string) (pid, parent int, own, children time.Duration, ok bool) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, 0, 0, 0, false
	}
	end := bytes.LastIndexByte(b, ')') // behind the name, which may hold anything
	fields := bytes.Fields(b[end+1:])
	if end < 0 || len(fields) < 15 {
		return 0, 0, 0, 0, false
	}
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		return 0, 0, 0, 0, false
	}
	number := func(i int) int {
		n, err := strconv.Atoi(string(fields[i]))
		if err != nil {
			return 0
		}
		return n
	}
	return pid, number(1), time.Duration(number(11)+number(12)) * tick, time.Duration(number(13)+number(14)) * tick, true
}
