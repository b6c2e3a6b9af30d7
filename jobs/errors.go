package jobs

import (
	"errors"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/manager"
)

// maxMessageText bounds the error text kept in the ledger, in bytes.
const maxMessageText = 2048

// PanicError is a panic of one attempt, in whatever goroutine of it.
type PanicError = manager.PanicError

// guard runs f and turns a panic into an error.
func guard(f func() error) error { return manager.Caught(f) }

// isPanic reports whether an error is, or wraps, a panic.
func isPanic(err error) bool {
	_, is := errors.AsType[*PanicError](err)
	return is
}

// refusal returns the code of an error that trying again would not cure.
func refusal(err error) (string, bool) {
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return e.Code, true
	}
	if code, ok := manager.CodeOf(err); ok {
		return string(code), true
	}
	return "", false
}

// delay returns how long to wait after the attempt-th failure: doubling from
// lowest to highest, between half and the whole of it.
func (x *Executor) delay(attempt int) time.Duration {
	d := x.RetryMin
	for range min(max(attempt, 1)-1, 30) {
		d = min(2*d, x.RetryMax)
	}
	return d/2 + rand.N(d/2+1)
}

// message returns the text of err as the ledger keeps it, without secrets and with
// its SQLSTATE.
func message(err error) string {
	if err == nil {
		return ""
	}
	text := truncate(scrub(strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "?")), maxMessageText)
	if state := sqlStateOf(err); !strings.Contains(text, state) {
		const sign = " (SQLSTATE 00000)"
		text = truncate(text, maxMessageText-len(sign)) + " (SQLSTATE " + state + ")"
	}
	return text
}

func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
