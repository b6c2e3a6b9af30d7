package s3test

import (
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The kinds. The first ones are errors of S3, answered before anything is done.
const (
	SlowDown      Kind = "SlowDown"                   // 503: too many requests
	InternalError Kind = "InternalError"              // 500
	AccessDenied  Kind = "AccessDenied"               // 403
	Conflict      Kind = "ConditionalRequestConflict" // 409: another conditional write is under way

	// Hang answers nothing until the client gives up; nothing is done.
	Hang Kind = "hang"
	// DropRequest closes the connection; nothing is done.
	DropRequest Kind = "drop request"
	// DropResponse does what was asked and closes the connection without an answer.
	DropResponse Kind = "drop response"
	// CutResponse does what was asked and closes the connection in the middle of
	// the answer's body.
	CutResponse Kind = "cut response"
	// Slow does what was asked after the delay of the fault.
	Slow Kind = "slow"
)

// statuses are those of the kinds that are answered.
var statuses = map[Kind]int{SlowDown: 503, InternalError: 500, AccessDenied: 403, Conflict: 409}

// Fault is something that goes wrong with some requests.
type Fault struct {
	// Kind is what goes wrong; empty means [SlowDown].
	Kind Kind
	// Operation is what it happens to; empty means all.
	Operation Operation
	// Key is a part of the keys that it happens to; empty means all requests, also
	// those without a key.
	Key string
	// Fraction is how many of these requests fail, by chance; 0 means all.
	Fraction float64
	// After is how many of these requests are let through first.
	After int
	// Times is how often it happens at most; 0 means without end.
	Times int
	// Delay is how long the server waits first.
	Delay time.Duration
}

// concerns reports whether a fault is about such requests.
func (f Fault) concerns(op Operation, key string) bool {
	return (f.Operation == "" || f.Operation == op) && strings.Contains(key, f.Key)
}

// plan is a fault and what has come of it.
type plan struct {
	Fault
	seen, done int
}

// strikes decides about one request that the fault concerns. chance is in [0, 1).
func (p *plan) strikes(chance func() float64) bool {
	p.seen++
	if p.seen <= p.After || (p.Times > 0 && p.done >= p.Times) {
		return false
	}
	if p.Fraction > 0 && chance() >= p.Fraction {
		return false
	}
	p.done++
	return true
}
