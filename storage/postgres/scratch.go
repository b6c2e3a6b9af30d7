package postgres

import (
	"context"
	"errors"
)

// MakeSchema makes the schema of c, which must not be there yet: a place for stores
// that are tried out and removed again with [DropSchema].
func MakeSchema(ctx context.Context, c Config) error {
	return c.exec(ctx, "make schema "+c.Schema+" in", "CREATE SCHEMA "+quote(c.Schema))
}

// DropSchema removes the schema of c with everything in it; it need not be there.
func DropSchema(ctx context.Context, c Config) error {
	return c.exec(ctx, "remove schema "+c.Schema+" from", "DROP SCHEMA IF EXISTS "+quote(c.Schema)+" CASCADE")
}

// exec runs one statement on a connection of its own.
func (c Config) exec(ctx context.Context, doing, statement string) (err error) {
	if c.Schema == "" {
		return errors.New("no schema is named")
	}
	pool, _, err := c.parse()
	if err != nil {
		return err
	}
	f := &Factory{}
	f.ended, f.end = context.WithCancel(context.Background())
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.connect(ctx, pool); err != nil {
		return err
	}
	_, err = f.pool.Exec(ctx, statement)
	return f.explain(doing, err)
}
