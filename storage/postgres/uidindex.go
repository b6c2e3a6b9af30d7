package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// helpedFrom is from how many payloads on their removal gets an index of its own. The
// original's foreign key leads from index to payload, and nothing finds the entries
// of a payload: the server reads the whole index table for each that is removed.
const helpedFrom = 50

// uidLock is the advisory lock of who has made such indexes, beside schemaLock.
const uidLock = schemaLock + 1

// uidIndexes counts the complete indexes that find entries by their uid.
const uidIndexes = `SELECT count(*) FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid = to_regclass($1) AND a.attname = 'uid' AND i.indisvalid AND i.indpred IS NULL`

// uidHelp are indexes of uids that are there for the time being.
type uidHelp struct {
	f    *Factory
	conn *pgxpool.Conn // nil when none were made
	made []string      // quoted names
}

// helpWithUIDs makes indexes of the uids in index tables that have none. They are made
// while others write; who reads for long, as a dump does, is waited for, but not for
// ever. Where they may not be made, or another process makes them, there are none, and
// all takes longer.
func (f *Factory) helpWithUIDs(ctx context.Context, need []tables) (*uidHelp, error) {
	h := &uidHelp{f: f}
	if len(need) == 0 || f.noMigrate {
		return h, nil
	}
	conn, err := f.acquire(ctx)
	if err != nil {
		return nil, f.explain("index uids in", err)
	}
	var locked bool
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(uidLock)).Scan(&locked)
	if err != nil || !locked {
		conn.Release()
		return h, f.explain("index uids in", err)
	}
	h.conn = conn
	if err := h.make(ctx, need); err != nil {
		return nil, errors.Join(f.explain("index uids in", err), h.end(ctx))
	}
	return h, nil
}

func (h *uidHelp) make(ctx context.Context, need []tables) error {
	if _, err := h.conn.Exec(ctx, `SET lock_timeout = '60s'`); err != nil {
		return err
	}
	for _, t := range need {
		if err := h.index(ctx, t); err != nil && sqlState(err) != insufficientRights {
			return err
		}
	}
	return nil
}

// index makes the index of one table.
func (h *uidHelp) index(ctx context.Context, t tables) error {
	name := quote("specstar_uids_" + t.uniqueIndex("")[len(uniquePrefix):])
	// A process that died may have left one, whole or half.
	if _, err := h.conn.Exec(ctx, `DROP INDEX CONCURRENTLY IF EXISTS `+name); err != nil {
		return err
	}
	var n int
	if err := h.conn.QueryRow(ctx, uidIndexes, t.index).Scan(&n); err != nil || n > 0 {
		return err
	}
	h.made = append(h.made, name) // one that fails half-way is there too
	_, err := h.conn.Exec(ctx, `CREATE INDEX CONCURRENTLY `+name+` ON `+t.index+` USING hash (uid)`)
	return err
}

// end drops the indexes, also when the context has ended, and gives the connection
// back.
func (h *uidHelp) end(ctx context.Context) error {
	if h.conn == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if h.conn.Conn().IsClosed() { // a statement was cancelled, and the server has unlocked
		h.conn.Release()
		conn, err := h.f.acquire(ctx)
		if err != nil {
			return h.f.explain("drop indexes of uids in", err)
		}
		h.conn = conn
	}
	defer h.conn.Release()
	err := h.drop(ctx)
	if _, unlockErr := h.conn.Exec(ctx, fmt.Sprintf(`RESET lock_timeout; SELECT pg_advisory_unlock(%d)`, int64(uidLock))); unlockErr != nil {
		_ = h.conn.Conn().Close(ctx) // the server unlocks then
	}
	return err
}

func (h *uidHelp) drop(ctx context.Context) error {
	_, err := h.conn.Exec(ctx, `SET lock_timeout = '60s'`)
	errs := []error{err}
	for _, name := range h.made {
		_, err := h.conn.Exec(ctx, `DROP INDEX CONCURRENTLY IF EXISTS `+name)
		if sqlState(err) != insufficientRights {
			errs = append(errs, h.f.explain("drop the index of uids "+name+" in", err))
		}
	}
	return errors.Join(errs...)
}
