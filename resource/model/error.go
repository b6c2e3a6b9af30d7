package model

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/resource/payload"
)

// ValueError says why a payload does not fit its model.
type ValueError struct {
	// Path leads to the value: "address.zip", "lines[2].price"; empty for the
	// payload itself.
	Path string
	// Offset is where the value begins, in bytes from the start of the text.
	Offset int
	// Reason is what is wrong with it.
	Reason string
	// cause is the error behind it, nil for none.
	cause error
}

// Unwrap returns the error of who looked after a blob.
func (e *ValueError) Unwrap() error { return e.cause }

// Error names the path and the reason.
func (e *ValueError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// refusedAt returns an error about the value at an offset; its path is completed
// on the way out.
func refusedAt(offset int, format string, args ...any) error {
	return &ValueError{Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// inField adds the name of the field to the path of err.
func inField(err error, name string) error {
	if e, ok := err.(*ValueError); ok {
		e.Path = join(name, e.Path)
	}
	return err
}

// inElement adds the place in a list to the path of err.
func inElement(err error, i int) error {
	if e, ok := err.(*ValueError); ok {
		e.Path = join("["+strconv.Itoa(i)+"]", e.Path)
	}
	return err
}

// inKey adds a key of a map to the path of err.
func inKey(err error, key []byte) error {
	if e, ok := err.(*ValueError); ok {
		e.Path = join(fmt.Sprintf("[%.40q]", key), e.Path)
	}
	return err
}

func join(step, rest string) string {
	if rest == "" || strings.HasPrefix(rest, "[") {
		return step + rest
	}
	return step + "." + rest
}

// located gives errors of the scanner the type that payloads' errors have.
func located(err error) error {
	if e, ok := errors.AsType[*jsonlex.Error](err); ok {
		return &payload.SyntaxError{Offset: e.Offset, Reason: e.Reason}
	}
	return err
}

// quote writes a name for people, cut when it is long.
func quote(name string) string { return fmt.Sprintf("%.60q", name) }
