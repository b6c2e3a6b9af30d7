package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// serverRun tells one run of a server from the next one: when it was started, and
// when it last found its counters broken, which it does after a crash of any of its
// processes. Promoted standbys have another one, too.
const serverRun = `extract(epoch FROM pg_postmaster_start_time())::text || ' ' ||
	coalesce(extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text, '')`

// runKey is where a connection keeps the run of its server, from its first write on.
const runKey = "specstar server run"

// commit ends the transaction. The caller's context does not cut it short: then
// nobody would know its outcome.
func (t *tx) commit() error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.ctx), endWithin)
	defer stop()
	tag, err := t.conn.Exec(ctx, `COMMIT`)
	switch {
	case err == nil && tag.String() == "COMMIT":
		return nil
	case err == nil:
		return fmt.Errorf("the server answered COMMIT with %s", tag)
	case sqlState(err) != "" && !t.conn.IsClosed():
		return err
	}
	return t.outcome(err)
}

// outcome asks a new connection what became of the transaction whose COMMIT was
// not answered. nil means that it is there. The server is asked until it answers
// and the transaction has ended.
//
// After a crash the server may give the id of a transaction that left no trace to
// another one: that one's commit proves nothing, while everything else shows that
// ours did not commit, since a commit keeps its id.
func (t *tx) outcome(lost error) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.ctx), endWithin)
	defer stop()
	for {
		status, run, err := t.f.statusOf(ctx, t.id)
		same := run == t.conn.PgConn().CustomData()[runKey]
		switch {
		case err == nil && status == "committed" && same:
			return nil
		case err == nil && (status == "committed" || status == "forgotten"):
			return unknownOutcome{lost, t.proven}
		case err == nil && (status == "aborted" || !same), sqlState(err) == idNotGiven:
			return fmt.Errorf("the connection was lost in COMMIT and nothing took effect: %w (%w)", storage.ErrUnavailable, lost)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return unknownOutcome{lost, t.proven}
		}
	}
}

// statusOf asks what became of a transaction, and which run of the server answers. It
// does so on a connection of its own: those of the pool may all be taken by
// transactions whose connection was lost, too.
func (f *Factory) statusOf(ctx context.Context, id string) (status, run string, err error) {
	conn, err := pgx.ConnectConfig(ctx, f.pool.Config().ConnConfig)
	if err != nil {
		return "", "", err
	}
	err = conn.QueryRow(ctx, `SELECT coalesce(pg_xact_status($1::text::xid8), 'forgotten'), `+serverRun, id).Scan(&status, &run)
	_ = conn.Close(ctx) // it has answered, or not
	return status, run, err
}

// idNotGiven is the SQLSTATE for the status of a transaction that is still to come.
const idNotGiven = "22023"

// unknownOutcome is the error of a transaction that may have taken effect (G21).
type unknownOutcome struct {
	lost error
	// again: the transaction may be done again, since the ledger tells then.
	again bool
}

func (e unknownOutcome) Error() string {
	return "the connection was lost in COMMIT and nobody can tell its outcome: repeat it: " + e.lost.Error()
}

// mayRepeat reports whether err is an outcome that the next attempt finds out.
func mayRepeat(err error) bool {
	e, ok := errors.AsType[unknownOutcome](err)
	return ok && e.again
}
