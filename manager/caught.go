package manager

import "github.com/specstar-worker/worker/internal/caught"

// PanicError is a panic, as an error of what was being done: its Value as text and its
// Stack.
type PanicError = caught.PanicError

// Caught calls f and returns its panic as a *[PanicError]. Each goroutine needs its own:
// a panic in one that nobody guards ends the process, whoever waits for it.
func Caught(f func() error) error { return caught.Call(f) }

// guarded is f for a goroutine.
func guarded(f func() error) func() error { return caught.Guard(f) }
