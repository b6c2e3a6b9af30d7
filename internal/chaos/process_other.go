//go:build !linux

package chaos

import "syscall"

// attributes puts a process in a group of its own: an interrupt at the terminal is
// for us. That it dies with us is known on Linux only.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
