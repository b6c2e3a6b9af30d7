package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// The rows that are sent last of a unit of work may be followed by COMMIT at once. Their
// end is held back until nothing else can be amiss: the caller may still not want the
// unit, and a statement before may have changed another number of rows than it should.

// commitMessage is the message that commits.
var commitMessage = queryMessage(`COMMIT`)

// endOfUnit is how long the last rows of a unit and its COMMIT may take together. They may
// wait for others' locks.
const endOfUnit = time.Minute

// flushAndCommit runs what is queued and commits, when that ends with rows of COPY. Else
// it is flush, and committed stays false.
func (t *tx) flushAndCommit() error {
	queued := t.queued
	last := len(queued) - 1
	if last < 0 || queued[last].rows == nil || t.ctx.Err() != nil {
		return t.flush()
	}
	t.queued = nil
	err := t.exchange(func(conn *pgconn.PgConn) error {
		out := outgoing{to: conn.Conn(), held: true}
		if err := out.send(queued); err != nil {
			return err
		}
		err := answers(conn, out.changes[:last])
		if err == nil || conn.IsClosed() {
			return err
		}
		if _, lost := conn.Conn().Write(copyDone); lost != nil { // the server may wait for it
			return errors.Join(err, lost)
		}
		return errors.Join(err, answers(conn, out.changes[last:]))
	})
	if err != nil {
		return err
	}
	t.committed = true
	return t.commitHeld(append(copyDone[:len(copyDone):len(copyDone)], commitMessage...), 2)
}

// commitHeld sends what is still held back of a transaction with its COMMIT, and waits
// for the answers and so for the outcome. When the caller wants no more, what waits for a
// lock is cancelled; but the outcome is waited for, as commit does.
func (t *tx) commitHeld(held []byte, expected int) error {
	conn := t.conn.PgConn()
	_ = conn.Conn().SetDeadline(time.Now().Add(endOfUnit)) // a connection that is closed fails below
	told := make(chan struct{})
	untold := context.AfterFunc(t.ctx, func() {
		defer close(told)
		ctx, stop := context.WithTimeout(context.WithoutCancel(t.ctx), cancelWithin)
		defer stop()
		_ = conn.CancelRequest(ctx) // else the outcome comes later
	})
	_, err := conn.Conn().Write(held)
	if err == nil {
		changes := []int{anyNumber, anyNumber}
		err = answers(conn, changes[:expected])
	}
	lost := err != nil && (sqlState(err) == "" || t.conn.IsClosed())
	if !untold() {
		<-told
		t.abandon(false) // the request may still be on its way
	} else if lost {
		t.abandon(false)
	} else {
		_ = conn.Conn().SetDeadline(time.Time{})
	}
	if lost {
		return t.outcome(err)
	}
	return err
}
