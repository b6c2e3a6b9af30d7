package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/specstar-worker/worker/storage"
)

// SQLSTATE codes and classes that decide what happens next, see appendix A of
// PostgreSQL's manual.
const (
	uniqueViolation      = "23505"
	notNullViolation     = "23502"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	readOnlyTransaction  = "25006"
	undefinedTable       = "42P01"
	undefinedColumn      = "42703"
	duplicateTable       = "42P07"
	duplicateObject      = "42710"
	insufficientRights   = "42501"
	cachedPlanChanged    = "0A000"
	unknownDatabase      = "3D000"

	classConnection = "08" // connection exceptions
	classData       = "22" // data exceptions
	classIntegrity  = "23" // constraints
	classResources  = "53" // disk full, out of memory, too many connections
	classLimits     = "54" // program limits: an index row that is too large
	classOperator   = "57" // shutdown, crash, not yet ready
	classSystem     = "58" // I/O errors of the server
	classAuth       = "28"
)

// sqlState returns the SQLSTATE of an error of the server, "" for others.
func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// lostRace reports whether another transaction is to blame and the same one may
// succeed when it is done again: nothing of it took effect.
func lostRace(err error) bool {
	if errors.Is(err, errRaced) || errors.Is(err, errTaken) || mayRepeat(err) {
		return true
	}
	switch sqlState(err) {
	case uniqueViolation, serializationFailure, deadlockDetected, cachedPlanChanged:
		return true
	case duplicateTable, duplicateObject: // IF NOT EXISTS looked before another one made it
		return true
	}
	return false
}

// isDown reports whether the server or the way to it is to blame, and what helps.
func isDown(err error) (help string, down bool) {
	if err = withoutMedium(err); err == nil {
		return "", false
	}
	state := sqlState(err)
	switch {
	case state == "" && isNetwork(err):
		return "the server cannot be reached or went away: check that it runs and the connection string", true
	case state == "53100":
		return "the server's disk is full: free space there", true
	case state == "53300":
		return "the server has no connections left: raise max_connections or lower pool_max_conns", true
	case strings.HasPrefix(state, classResources):
		return "the server is out of resources", true
	case state == queryCanceled:
		return "the server cancelled the statement: see its statement_timeout and lock_timeout", true
	case state == lockNotAvailable:
		return "another session holds a lock for too long", true
	case state == readOnlyTransaction:
		return "the server only reads (a standby?): connect to the primary, see target_session_attrs", true
	case strings.HasPrefix(state, classConnection), strings.HasPrefix(state, classOperator), strings.HasPrefix(state, classSystem):
		return "the server is stopping, starting or failing: try again", true
	}
	return "", false
}

// isNetwork reports whether err comes from the connection, not from the server's answer.
func isNetwork(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	text := err.Error()
	for _, said := range []string{"conn closed", "unexpected EOF", "broken pipe", "connection reset", "closed pool", "use of closed network connection"} {
		if strings.Contains(text, said) {
			return true
		}
	}
	return false
}

// explain says what was being done with the database and what helps. A server
// that is down gives storage.ErrUnavailable, one that lacks something storage.ErrSetup. A nil error stays nil, and so do the
// errors of contexts and of package storage.
func (f *Factory) explain(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errClosed) {
		return err
	}
	if _, unknown := errors.AsType[unknownOutcome](err); unknown { // no storage.ErrUnavailable: it may have taken effect
		return fmt.Errorf("%s %s: %w", doing, f.place, err)
	}
	if help, down := isDown(err); down && !errors.Is(err, storage.ErrUnavailable) {
		return fmt.Errorf("%s %s: %s: %w (%w)", doing, f.place, help, storage.ErrUnavailable, err)
	}
	switch state := sqlState(err); {
	case state == insufficientRights:
		return fmt.Errorf("%s %s: the role lacks a right: grant it or use another role: %w (%w)", doing, f.place, storage.ErrSetup, err)
	case state == undefinedTable || state == undefinedColumn:
		return fmt.Errorf("%s %s: a table or column is missing: open the store once with a role that may make it: %w (%w)", doing, f.place, storage.ErrSetup, err)
	case state == unknownDatabase:
		return fmt.Errorf("%s %s: there is no such database: make it with createdb, or name another one: %w (%w)", doing, f.place, storage.ErrSetup, err)
	case strings.HasPrefix(state, classAuth):
		return fmt.Errorf("%s %s: the server refuses the user or its password: %w (%w)", doing, f.place, storage.ErrSetup, err)
	}
	return fmt.Errorf("%s %s: %w", doing, f.place, err)
}

// errClosed ends the reads of a closed factory.
var errClosed = errors.New("the store was closed")

// errReadOnly is the reason why a read-only factory refuses to write.
var errReadOnly = errors.New("the store was opened for reading only")
