package scale

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

// process is what proc(5) tells of one.
type process struct {
	pid, parent   int
	own, children time.Duration // children that have ended and were waited for
}

// processes returns all processes of this machine; none where there is no /proc.
func processes() []process {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	var all []process
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		if p, ok := parseStat(b); ok {
			all = append(all, p)
		}
	}
	return all
}

// parseStat reads a line of /proc/PID/stat.
func parseStat(b []byte) (p process, ok bool) {
	end := bytes.LastIndexByte(b, ')') // behind the name, which may hold anything
	if end < 0 {
		return p, false
	}
	fields := bytes.Fields(b[end+1:])
	if _, err := fmt.Sscan(string(b), &p.pid); err != nil || len(fields) < 15 {
		return p, false
	}
	var n [15]int
	for i := range n {
		n[i], _ = strconv.Atoi(string(fields[i])) // the state is no number
	}
	p.parent = n[1]
	p.own, p.children = time.Duration(n[11]+n[12])*tick, time.Duration(n[13]+n[14])*tick
	return p, true
}

// parentOf returns the parent of a process, 0 when that is not known.
func parentOf(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	p, _ := parseStat(b)
	return p.parent
}

// used is the CPU time of the parts of a measurement.
type used struct{ Workers, Postgres, Queue, Harness time.Duration }

// watched are the processes whose time is taken.
type watched struct {
	workers         []int
	postgres, queue int // the first process of each; 0 for unknown
}

// used returns what they have used so far. The time of a server's processes that have
// ended is that of its first one, which has waited for them.
func (w watched) used() (u used) {
	mine := make(map[int]bool, len(w.workers))
	for _, pid := range w.workers {
		mine[pid] = true
	}
	self := os.Getpid()
	for _, p := range processes() {
		switch {
		case mine[p.pid]:
			u.Workers += p.own
		case p.pid == w.postgres:
			u.Postgres += p.own + p.children
		case w.postgres != 0 && p.parent == w.postgres:
			u.Postgres += p.own
		case p.pid == w.queue:
			u.Queue += p.own
		case p.pid == self:
			u.Harness += p.own
		}
	}
	return u
}

// minus is what was used since.
func (u used) minus(o used) used {
	return used{u.Workers - o.Workers, u.Postgres - o.Postgres, u.Queue - o.Queue, u.Harness - o.Harness}
}

// sum is that of all parts.
func (u used) sum() time.Duration { return u.Workers + u.Postgres + u.Queue + u.Harness }

// machine is how long this machine's processors were busy with anything, all together,
// since it was started; 0 where that is not known.
func machine() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return parseMachine(b)
}

// parseMachine reads the first line of /proc/stat: what is not idle or waiting for disks.
func parseMachine(b []byte) (busy time.Duration) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0
	}
	for i, field := range fields[1:9] {
		if i == 3 || i == 4 {
			continue
		}
		n, _ := strconv.Atoi(string(field)) // they are numbers
		busy += time.Duration(n) * tick
	}
	return busy
}
