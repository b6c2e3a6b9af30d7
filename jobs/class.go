package jobs

import (
	"errors"
	"strings"

	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// Class is what an error of an attempt means for the job.
type Class int

// The classes of errors.
const (
	// ClassRetry: the attempt failed; another one may do better.
	ClassRetry Class = iota
	// ClassRefuse: the rules said no, and would again.
	ClassRefuse
	// ClassPause: the store is down, or its operator has to act. The job is not to
	// blame and no attempt counts.
	ClassPause
	// ClassPoison: the store cannot hold what the job writes, or what it reads cannot
	// be read. Alone in its unit of work the job is dead at once.
	ClassPoison
)

// Codes of the classes, beside those of refusals.
const (
	CodeSetup      = "setup"      // a right, a table, a bucket or credentials are missing; not counted
	CodeUnreadable = "unreadable" // a stored payload cannot be decoded
	// codeState, with the SQLSTATE behind it, is the code of what a database refuses.
	codeState = "sqlstate_"
)

// Classify returns the class of an error of an attempt, the code under which it is
// recorded, and the SQLSTATE of a database's answer, empty for other errors.
func Classify(err error) (c Class, code, sqlState string) {
	sqlState = sqlStateOf(err)
	if code, refused := refusal(err); refused {
		return ClassRefuse, code, sqlState
	}
	switch {
	case errors.Is(err, storage.ErrUnavailable):
		return ClassPause, CodeUnavailable, sqlState
	case errors.Is(err, storage.ErrSetup):
		return ClassPause, CodeSetup, sqlState
	}
	if isPanic(err) {
		return ClassRetry, CodePanic, sqlState
	}
	if e, found := errors.AsType[*ContentError](err); found {
		return ClassPoison, e.Code, sqlState
	}
	if errors.Is(err, errTimeout) || errors.Is(err, errStalled) {
		return ClassRetry, CodeTimeout, sqlState
	}
	if _, found := errors.AsType[*payload.SyntaxError](err); found {
		return ClassPoison, CodeUnreadable, sqlState
	}
	c, code = classOfState(sqlState)
	return c, code, sqlState
}

// sqlStateOf returns the SQLSTATE that an error carries. Drivers' errors have the
// method; none of them is named here.
func sqlStateOf(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) && len(e.SQLState()) == 5 {
		return e.SQLState()
	}
	return ""
}

// classOfState classifies the answer of a database that a backend did not explain,
// see appendix A of PostgreSQL's manual.
func classOfState(state string) (Class, string) {
	switch state {
	case "":
		return ClassRetry, CodeFailed
	case "23505", "40001", "40P01", "40003":
		return ClassRetry, CodeFailed // another transaction is to blame, however often
	case "42501", "42P01", "42703", "3D000":
		return ClassPause, CodeSetup
	case "25006", "55P03":
		return ClassPause, CodeUnavailable
	}
	switch class := state[:2]; class {
	case "28":
		return ClassPause, CodeSetup
	case "08", "53", "57", "58":
		return ClassPause, CodeUnavailable
	case "22", "23", "54":
		return ClassPoison, codeState + strings.ToLower(state)
	}
	return ClassRetry, CodeFailed
}

// pauses reports whether an error is not about the job: the store is down, or has
// to be set up.
func pauses(err error) bool {
	c, _, _ := Classify(err)
	return err != nil && c == ClassPause
}

// failureCode returns the code under which a failed attempt is recorded.
func failureCode(err error) string {
	_, code, _ := Classify(err)
	return code
}
