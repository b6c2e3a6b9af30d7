package chaos

import "syscall"

// attributes has a process die with us, and in a group of its own: an interrupt at
// the terminal is for us.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
