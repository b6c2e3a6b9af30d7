package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// statement is one of those that are sent together, see flush.
type statement struct {
	// table, columns and rows are of COPY: rows returns them, most at most.
	table, columns string
	most           int
	rows           func() *copyRows
	// name, params and changes are of a prepared statement that changes so many rows.
	name    string
	params  [][]byte
	changes int
}

// copyOf is the statement that writes so many rows at most.
func copyOf(table, columns string, most int, rows func() *copyRows) statement {
	return statement{table: table, columns: columns, most: most, rows: rows}
}

// commands are the COPYs that take the rows.
func (s *statement) commands() string {
	return strings.Repeat(`COPY `+s.table+` (`+s.columns+`) FROM STDIN BINARY;`, commandsFor(s.most))
}

// copyLater has the next flush write so many rows at most; they are asked for then.
func (t *tx) copyLater(table, columns string, most int, rows func() *copyRows) {
	t.queued = append(t.queued, copyOf(table, columns, most, rows))
}

// copyIn writes rows now.
func (t *tx) copyIn(table, columns string, rows *copyRows) error {
	t.copyLater(table, columns, rows.n, func() *copyRows { return rows })
	return t.flush()
}

// execLater has the next flush run a statement, which a connection prepares once, with
// parameters in the binary format. When it changes another number of rows than it
// should, others have changed them.
func (t *tx) execLater(query string, changes int, params [][]byte) error {
	prepared, err := t.conn.Prepare(t.ctx, query, query)
	if err != nil {
		return err
	}
	t.queued = append(t.queued, statement{name: prepared.Name, params: params, changes: changes})
	return nil
}

// flush runs what is queued without waiting for the server's answers in between: of
// what follows a statement that failed the server takes nothing. The first error is
// returned.
func (t *tx) flush() error {
	queued := t.queued
	t.queued = nil
	if len(queued) == 0 || t.ctx.Err() != nil {
		return t.ctx.Err()
	}
	return t.exchange(func(conn *pgconn.PgConn) error {
		out := outgoing{to: conn.Conn()}
		if err := out.send(queued); err != nil {
			return err
		}
		return answers(conn, out.changes)
	})
}

// exchange runs talk, which sends messages and reads the answers that it has to. The
// connection is given up when talk fails by anything but an answer of the server, or when
// the context ends, which then is the error.
func (t *tx) exchange(talk func(*pgconn.PgConn) error) (err error) {
	conn := t.conn.PgConn()
	uncut := context.AfterFunc(t.ctx, func() { _ = conn.Conn().SetDeadline(time.Unix(1, 0)) })
	inStep := false // with the server; not when talk panics
	defer func() {
		switch cut := !uncut(); {
		case cut:
			t.abandon(true)
			err = t.ctx.Err()
		case !inStep:
			t.abandon(false)
		}
	}()
	err = talk(conn)
	_, answered := errors.AsType[*pgconn.PgError](err)
	inStep = err == nil || answered || errors.Is(err, errRaced)
	return err
}

// answers reads the server's answers to statements that change so many rows each: each
// ends with ReadyForQuery.
func answers(conn *pgconn.PgConn, changes []int) (err error) {
	for len(changes) > 0 {
		answer, lost := conn.ReceiveMessage(context.Background())
		if lost != nil {
			return errors.Join(err, lost)
		}
		switch answer := answer.(type) {
		case *pgproto3.ErrorResponse:
			if err == nil {
				err = pgconn.ErrorResponseToPgError(answer)
			}
		case *pgproto3.CommandComplete:
			changed := pgconn.NewCommandTag(string(answer.CommandTag)).RowsAffected()
			if want := changes[0]; err == nil && want != anyNumber && int(changed) != want {
				err = errRaced
			}
		case *pgproto3.ReadyForQuery:
			changes = changes[1:]
		}
	}
	return err
}

// cancelWithin is how long the server may take to hear that a statement is to end.
const cancelWithin = 2 * time.Second

// abandon gives a connection up in the middle of what it was doing. Where the caller
// wants no more the server is told, since it may be waiting for a lock.
func (t *tx) abandon(cancel bool) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.ctx), cancelWithin)
	defer stop()
	conn := t.conn.PgConn()
	if cancel {
		_ = conn.CancelRequest(ctx) // else the server finds out later
	}
	_ = conn.Conn().Close()
	_ = t.conn.Close(ctx) // it says that it is closed already
}
