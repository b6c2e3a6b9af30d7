package scale

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// database is the PostgreSQL that is measured, seen from beside the workers.
type database struct {
	dsn              string
	network, address string
	conn             *pgx.Conn
	// first is the server's first process, 0 when it is not to be found.
	first int
}

// errNotHere: the database is on another machine.
var errNotHere = errors.New("it is not on this machine: use a socket or a loopback address; the measurement writes much and reads /proc")

// openDatabase connects to a database of this machine.
func openDatabase(ctx context.Context, dsn string) (*database, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	d := &database{dsn: dsn}
	switch {
	case strings.HasPrefix(c.Host, "/"):
		d.network, d.address = "unix", filepath.Join(c.Host, ".s.PGSQL."+strconv.Itoa(int(c.Port)))
	case isLoopback(c.Host):
		d.network, d.address = "tcp", net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	default:
		return nil, fmt.Errorf("database at %s: %w", c.Host, errNotHere)
	}
	if d.conn, err = pgx.ConnectConfig(ctx, c); err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	var checkpointer int
	if err := d.conn.QueryRow(ctx, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`).Scan(&checkpointer); err == nil {
		d.first = parentOf(checkpointer)
	}
	return d, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// schema returns the address of a schema of the database.
func (d *database) schema(name string) (string, error) { return d.with(name, nil) }

// through returns the address of a schema of the database that leads through a proxy.
func (d *database) through(p *proxy, schema string) (string, error) {
	return d.with(schema, map[string]string{"host": p.dir, "port": port, "sslmode": "disable"})
}

// with returns the address of a schema, perhaps at another place.
func (d *database) with(schema string, place map[string]string) (string, error) {
	u, err := url.Parse(d.dsn)
	if err != nil {
		return "", errors.New("the address of the database is no URL")
	}
	query := u.Query()
	query.Set("search_path", schema)
	if len(place) == 0 {
		u.RawQuery = query.Encode()
		return u.String(), nil
	}
	c := d.conn.Config()
	u.User = url.UserPassword(c.User, c.Password)
	if c.Password == "" {
		u.User = url.User(c.User)
	}
	u.Host = ""
	for name, value := range place {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// makeSchema makes an empty schema.
func (d *database) makeSchema(ctx context.Context, name string) error {
	if _, err := d.conn.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("make schema %s: %w", name, err)
	}
	return nil
}

// dropSchema removes a schema with all that is in it.
func (d *database) dropSchema(ctx context.Context, name string) error {
	if _, err := d.conn.Exec(ctx, `DROP SCHEMA IF EXISTS `+pgx.Identifier{name}.Sanitize()+` CASCADE`); err != nil {
		return fmt.Errorf("remove schema %s: %w", name, err)
	}
	return nil
}

// checkpoint writes out what is dirty, so that no measurement pays for what the one
// before wrote. A role that may not leaves it to the server.
func (d *database) checkpoint(ctx context.Context) {
	_, _ = d.conn.Exec(ctx, `CHECKPOINT`)
}

// written is what the server has written and committed so far.
type written struct{ wal, commits int64 }

func (d *database) written(ctx context.Context) (w written, err error) {
	err = d.conn.QueryRow(ctx, `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, coalesce(sum(xact_commit), 0)::bigint
		FROM pg_stat_database WHERE datname = current_database()`).Scan(&w.wal, &w.commits)
	if err != nil {
		return w, fmt.Errorf("read the statistics of the database: %w", err)
	}
	return w, nil
}

// close ends the connection.
func (d *database) close(ctx context.Context) error { return d.conn.Close(ctx) }
