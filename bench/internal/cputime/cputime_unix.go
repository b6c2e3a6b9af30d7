//go:build unix

// Package cputime tells how much processor time this process has used.
package cputime

import (
	"syscall"
	"time"
)

// Now is the CPU time this process has used so far, on all cores.
func Now() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
