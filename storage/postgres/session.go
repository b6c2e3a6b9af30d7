package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// connect opens the pool and learns the session's time zone, which the server
// reports by itself.
func (f *Factory) connect(ctx context.Context, c *pgxpool.Config) error {
	f.place = placeOf(c)
	// Nearly everything needs a second connection, which takes as long to make as the first.
	c.MinConns = max(c.MinConns, 1)
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return f.explain("open store", err)
	}
	f.pool = pool
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return f.explain("open store", err)
	}
	defer conn.Release()
	f.utc = isUTC(conn.Conn().PgConn().ParameterStatus("TimeZone"))
	if enc := conn.Conn().PgConn().ParameterStatus("server_encoding"); enc != "UTF8" {
		return fmt.Errorf("open store %s: the database's encoding is %s: make one with ENCODING 'UTF8'", f.place, enc)
	}
	return nil
}

// placeOf names the database in messages, without user and password.
func placeOf(c *pgxpool.Config) string {
	host := c.ConnConfig.Host
	if !strings.HasPrefix(host, "/") {
		host = fmt.Sprintf("%s:%d", host, c.ConnConfig.Port)
	}
	return fmt.Sprintf("postgres database %s at %s", c.ConnConfig.Database, host)
}

// isUTC reports whether a time zone's local times are those of UTC, always.
func isUTC(zone string) bool {
	switch strings.ToLower(zone) {
	case "utc", "etc/utc", "gmt", "etc/gmt", "zulu", "etc/zulu", "uct", "etc/uct", "universal", "etc/universal", "greenwich", "etc/greenwich", "gmt0", "utc0":
		return true
	}
	return false
}
