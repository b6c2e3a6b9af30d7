package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// indexLock is the advisory lock of who makes declared indexes, beside schemaLock and
// uidLock. Half an index belongs to nobody who has it.
const indexLock = schemaLock + 2

// make makes and drops what is due on one connection, unless another process does.
func (s *indexSet) make(ctx context.Context, drop bool) ([]storage.IndexStatus, error) {
	doing := "make indexes of model " + s.t.model + " in"
	conn, err := s.f.acquire(ctx)
	if err != nil {
		return nil, s.f.explain(doing, err)
	}
	defer conn.Release()
	var locked bool
	// The time that a role may take for a statement is not meant for these.
	if _, err = conn.Exec(ctx, `SET statement_timeout = 0`); err == nil {
		err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(indexLock)).Scan(&locked)
	}
	if err != nil {
		return nil, s.f.explain(doing, err)
	}
	defer func() { unlockIndexes(ctx, conn, locked) }()
	status, err := s.status(ctx, conn)
	if err != nil {
		return nil, err
	}
	for i := range status {
		switch x := &status[i]; {
		case !isDue(*x, drop):
		case !locked:
			x.Problem = "another process makes indexes: this one was left to it"
		default:
			if err := s.makeOne(ctx, conn, x); err != nil {
				return nil, s.f.explain(doing, err)
			}
		}
	}
	return status, nil
}

// unlockIndexes gives the connection back as it was. A connection that broke is closed,
// and the server has unlocked.
func unlockIndexes(ctx context.Context, conn *pgxpool.Conn, locked bool) {
	ctx = context.WithoutCancel(ctx)
	script := `RESET statement_timeout`
	if locked {
		script += fmt.Sprintf(`; SELECT pg_advisory_unlock(%d)`, int64(indexLock))
	}
	if _, err := conn.Exec(ctx, script); err != nil {
		_ = conn.Conn().Close(ctx)
	}
}

// makeOne does what is due about an index. What the server refuses becomes a problem of
// this index; the error is that of a connection that does not work any more.
func (s *indexSet) makeOne(ctx context.Context, conn *pgxpool.Conn, x *storage.IndexStatus) error {
	err := s.run(ctx, conn, x)
	switch {
	case err == nil:
		if x.State == storage.IndexUnwanted {
			x.State, x.Bytes = storage.IndexDropped, 0
			return nil
		}
		x.State = storage.IndexThere
		return conn.QueryRow(ctx, `SELECT coalesce(pg_relation_size(to_regclass($1)), 0)`, quote(x.Name)).Scan(&x.Bytes)
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), err)
	case sqlState(err) == "" || conn.Conn().IsClosed():
		return err
	}
	x.Problem = s.f.explain("make index "+x.Name+" in", err).Error()
	if x.State != storage.IndexUnwanted {
		// Half of it costs every write and serves nothing.
		if _, err := conn.Exec(ctx, dropIndex(x.Name)); err == nil {
			x.State = storage.IndexMissing
		}
	}
	return nil
}

func (s *indexSet) run(ctx context.Context, conn *pgxpool.Conn, x *storage.IndexStatus) error {
	if x.State == storage.IndexUnwanted {
		_, err := conn.Exec(ctx, x.Statement)
		return err
	}
	if x.State == storage.IndexUnfinished {
		if err := dropUnfinished(ctx, conn, x.Name); err != nil {
			return err
		}
	}
	var rows bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+s.t.meta+`)`).Scan(&rows); err != nil {
		return err
	}
	statement := x.Statement
	if !rows { // it takes no time, and waits for no old transaction
		for _, d := range s.defs {
			if d.name == x.Name {
				statement = s.t.statement(d, ifNotThere)
			}
		}
	}
	if _, err := conn.Exec(ctx, statement); err != nil || !x.Declared {
		return err
	}
	text, ok := sqlgen.PathLiteral(sqlgen.PostgreSQL, x.On)
	if !ok {
		return nil
	}
	_, err := conn.Exec(ctx, `COMMENT ON INDEX `+quote(x.Name)+` IS `+text)
	return err
}

// dropUnfinished drops what an interrupted making has left. It does not wait for long: who
// has the lock may be another program that is making it just now.
func dropUnfinished(ctx context.Context, conn *pgxpool.Conn, name string) error {
	if _, err := conn.Exec(ctx, `SET lock_timeout = '10s'`); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, dropIndex(name))
	_, reset := conn.Exec(ctx, `RESET lock_timeout`)
	return errors.Join(err, reset)
}
