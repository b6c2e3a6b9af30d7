package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// databaseNemeses are about sessions and locks.
func databaseNemeses() []nemesis {
	return []nemesis{
		{name: "terminate all sessions", strike: func(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
			n, err := s.database.terminate(ctx)
			return nil, fmt.Sprintf("%d sessions", n), err
		}},
		{name: "lose commits and their answers", strike: loseCommits, least: 2 * time.Second, most: 8 * time.Second},
		{name: "lock a table", strike: lockTable, least: time.Second, most: 6 * time.Second},
		{name: "locks come and go", strike: lockAgain, least: 2 * time.Second, most: 8 * time.Second},
		{name: "change tables", strike: changeTables, least: 2 * time.Second, most: 8 * time.Second},
	}
}

// loseCommits breaks connections when nobody can tell whether they have committed.
func loseCommits(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	d, n, before := s.database, 3+r.Int64N(10), s.database.commits.Cuts.Load()
	d.losing.Store(n)
	return func(context.Context) error {
		d.losing.Store(0)
		if d.commits.Cuts.Load() == before {
			return errors.New("nobody committed")
		}
		return nil
	}, fmt.Sprintf("each %dth", n), nil
}

// lockAgain takes each table for a moment, again and again.
func lockAgain(ctx context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	tables := []string{savedModel + "_meta", "specstar_jobs", loadedModel + "_meta"}
	next := rand.New(rand.NewPCG(r.Uint64(), 0))
	return repeat(ctx, s, "locks", func(ctx context.Context, conn *pgx.Conn, n int) error {
		held := between(next, 20*time.Millisecond, 300*time.Millisecond)
		_, err := conn.Exec(ctx, fmt.Sprintf(`BEGIN; LOCK TABLE %s IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(%f); COMMIT`,
			tables[n%len(tables)], held.Seconds()))
		return err
	})
}

// changePause is what lets a table of PostgreSQL, which counts the columns that it once
// had among its 1,600, live through some forty strikes.
const changePause = 100 * time.Millisecond

// changeTables adds a column and takes it away, which also makes prepared statements
// invalid.
func changeTables(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	return repeat(ctx, s, "changes", func(ctx context.Context, conn *pgx.Conn, n int) error {
		table := []string{savedModel + "_meta", "specstar_jobs"}[n/2%2]
		if n%2 == 0 {
			_, err := conn.Exec(ctx, `ALTER TABLE `+table+` ADD COLUMN chaos integer DEFAULT 7`)
			return err
		}
		_, err := conn.Exec(ctx, `ALTER TABLE `+table+` DROP COLUMN chaos`)
		time.Sleep(changePause)
		return err
	})
}

// repeat does something on a connection of its own until it is healed, an even number
// of times: the second of a pair undoes the first.
func repeat(ctx context.Context, s *Stand, what string, do func(context.Context, *pgx.Conn, int) error) (func(context.Context) error, string, error) {
	conn, err := pgx.Connect(ctx, s.database.direct)
	if err != nil {
		return nil, "", err
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				if n%2 == 0 {
					done <- nil
					return
				}
			default:
			}
			if err := do(ctx, conn, n); err != nil {
				done <- err
				return
			}
		}
	}()
	return func(ctx context.Context) error {
		close(stop)
		return errors.Join(<-done, conn.Close(ctx))
	}, what, nil
}

// lockTable keeps everybody from the metas, as a change of the schema does.
func lockTable(ctx context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
	conn, err := pgx.Connect(ctx, s.database.direct)
	if err != nil {
		return nil, "", err
	}
	const table = savedModel + "_meta"
	if _, err := conn.Exec(ctx, `BEGIN; LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
		return nil, "", errors.Join(err, conn.Close(ctx))
	}
	return func(ctx context.Context) error { return conn.Close(ctx) }, table, nil
}
