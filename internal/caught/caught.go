// Package caught turns panics into errors, so that a bug on the way of one job is that
// job's failure. Each goroutine needs its own guard: a panic in one that nobody guards ends
// the process, whoever waits for it.
package caught

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic, as an error of what was being done. The stack names functions
// and lines, not payloads.
type PanicError struct {
	// Value is what was panicked with, as text, cut to 200 bytes.
	Value string
	Stack []byte
}

// Error names the panic; the stack is for the log.
func (e *PanicError) Error() string { return "panic: " + e.Value }

// Call calls f and returns its panic as a *[PanicError].
func Call(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: fmt.Sprintf("%.200s", fmt.Sprint(v)), Stack: debug.Stack()}
		}
	}()
	return f()
}

// Guard returns f for a goroutine: its panic is its error.
func Guard(f func() error) func() error { return func() error { return Call(f) } }
