package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/internal/owner"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// The exit codes; scripts depend on them.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitProblems    = 3 // verify or check found problems
	exitPartly      = 4 // some records were refused or died
	exitUnavailable = 5
)

// The codes of errors that do not come from the rules of the data.
const (
	codeError       = "error"
	codeUsage       = "usage"
	codeNotFound    = "not_found"
	codeUnavailable = "unavailable"
	codeSetup       = "setup"
	codeOwned       = "owned"
	codeDuplicate   = "duplicate_resource"
	codeInterrupted = "interrupted"
	codeModel       = "model_unknown"
	codeFile        = "file"
	codeDiskFull    = "disk_full"
	codeBusy        = "busy"
)

// failure is why a command ended without its result.
type failure struct {
	Exit    int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
	// Offset is where in an archive the bad frame begins.
	Offset *int64 `json:"offset,omitempty"`
	// Line and Column are where in the text of a flag the mistake is, both from 1; the
	// line only when it is not the first.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// RetryAfter is in how many seconds the same command may work.
	RetryAfter float64 `json:"retry_after,omitempty"`
	// JobID, Model and IDs name what is concerned.
	JobID string        `json:"job_id,omitempty"`
	Model string        `json:"model,omitempty"`
	IDs   []resource.ID `json:"resource_ids,omitempty"`
	// place shows people the mistake: the text and a mark below.
	place string
	// open: a document in JSON was begun on standard output, and nothing may follow it.
	open bool
	// silent: the result was written and says it all; only the exit code is left.
	silent bool
}

// Error returns the message.
func (f *failure) Error() string { return f.Message }

// usage returns an error for a command line that makes no sense.
func usage(format string, args ...any) error {
	return &failure{Exit: exitUsage, Code: codeUsage, Message: fmt.Errorf(format, args...).Error()}
}

// exit returns an error that only sets the exit code.
func exit(code int) error { return &failure{Exit: code, silent: true} }

// oneLine makes one line of a message: joined errors stand on lines of their own.
var oneLine = strings.NewReplacer(":\n\t", ": ", "\n\t", "; ", "\n", "; ")

// explain turns any error into what the user is told.
func explain(err error) failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return *f
	}
	f := failure{Exit: exitError, Code: codeError, Message: oneLine.Replace(err.Error())}
	var (
		busy      *jobs.BusyError
		damaged   *archive.Error
		duplicate *storage.DuplicateError
		refused   *manager.RefusedError
		held      *owner.HeldError
		notReady  *owner.NotReadyError
		listen    *web.ListenError
		exists    *storage.JobExistsError
		source    *jobs.RefusedError
	)
	switch {
	case errors.As(err, &busy):
		f.Code, f.Exit, f.RetryAfter = codeBusy, exitUnavailable, busy.RetryAfter.Seconds()
	case errors.Is(err, consumer.ErrForbidden):
		f.Code = string(manager.CodeForbidden)
	case errors.As(err, &damaged):
		f.Code, f.Offset = damaged.Code, &damaged.Offset
	case errors.As(err, &duplicate):
		f.Code, f.Model, f.IDs = codeDuplicate, duplicate.Model, duplicate.IDs
	case errors.As(err, &refused) && refused.Code == manager.CodeForbidden:
		f.Code, f.Model = string(refused.Code), refused.Model
	case errors.As(err, &exists):
		f.Code, f.JobID = jobs.CodeExists, exists.ID
		f.Message += "; see worker jobs show " + exists.ID
	case errors.As(err, &source):
		f.Code = source.Code
	case errors.As(err, &held):
		f.Code = codeOwned
	case errors.As(err, &notReady):
		f.Code, f.Exit = codeOwned, exitUnavailable
	case errors.As(err, &listen):
		f.Code = "listen"
	case errors.Is(err, storage.ErrSetup), errors.Is(err, consumer.ErrNotMade): // its message has the way out
		f.Code, f.Exit = codeSetup, exitUnavailable
	case isOutage(err):
		f.Code, f.Exit = codeUnavailable, exitUnavailable
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		f.Code, f.Message = codeInterrupted, "interrupted; jobs that were submitted stay in the queue: worker jobs list"
	case errors.Is(err, storage.ErrNotFound):
		f.Code = codeNotFound
	case errors.Is(err, syscall.ENOSPC):
		f.Code = codeDiskFull
		if !strings.Contains(f.Message, "free space") {
			f.Message += ": free space there or choose another place"
		}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		f.Code = codeFile
	}
	return f
}

// isOutage reports whether a service did not answer: the same command may work
// later.
func isOutage(err error) bool {
	for _, target := range []error{
		storage.ErrUnavailable, consumer.ErrNoAnswer, nats.ErrNoServers, nats.ErrNoResponders, nats.ErrTimeout,
		nats.ErrConnectionClosed, nats.ErrReconnectBufExceeded, nats.ErrDisconnected,
		context.DeadlineExceeded, // no command bounds its work by itself: a service was waited for
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
