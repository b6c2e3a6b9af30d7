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
