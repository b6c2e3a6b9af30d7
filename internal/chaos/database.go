package chaos

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/faultproxy"
	"github.com/specstar-worker/worker/internal/pgtest"
)

// database is a PostgreSQL of the run's own. Workers connect through a proxy; the
// checker and the clients that read do not.
type database struct {
	server *pgtest.Server
	proxy  *faultproxy.Proxy
	// commits is behind the proxy. It loses every n-th COMMIT, or the answer to it, while
	// losing is not 0.
	commits *faultproxy.Commits
	losing  atomic.Int64
	seen    atomic.Int64
	direct  string // address without the proxy
	// workers is the address that workers get. It holds a password that nobody asks for.
	workers string
}

// startDatabase starts a server that keeps every acknowledged commit when it is killed.
func startDatabase(ctx context.Context, password string) (*database, error) {
	s, err := pgtest.Start(ctx, pgtest.Options{Settings: map[string]string{
		"synchronous_commit": "on", "deadlock_timeout": "50ms", "track_activities": "on",
	}})
	if err != nil {
		return nil, err
	}
	d := &database{server: s}
	if d.direct, err = s.CreateDatabase(ctx, "chaos", pgtest.DatabaseOptions{}); err != nil {
		return nil, errors.Join(err, d.close())
	}
	at, err := url.Parse(d.direct)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.direct += "&application_name=chaos" // workers have their own
	if d.commits, _, err = faultproxy.StartCommits(d.direct); err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.commits.OnCommit, d.commits.OnCommitted = d.passes, d.passes
	if d.proxy, err = faultproxy.Start(func() (string, string) { return "unix", d.commits.Socket() }); err != nil {
		return nil, errors.Join(err, d.close())
	}
	through := url.URL{Scheme: "postgres", User: url.UserPassword(at.User.Username(), password), Host: d.proxy.Addr(), Path: at.Path, RawQuery: "sslmode=disable"}
	d.workers = through.String()
	return d, nil
}

func (d *database) close() error {
	if d.proxy != nil {
		d.proxy.Close()
	}
	err := d.server.Stop(pgtest.Immediate)
	if d.commits != nil {
		err = errors.Join(err, d.commits.Close())
	}
	return err
}

// passes reports whether a COMMIT, or the answer to it, gets through.
func (d *database) passes() bool {
	n := d.losing.Load()
	return n == 0 || d.seen.Add(1)%n != 0
}

// terminate ends all sessions but its own, and returns how many there were.
func (d *database) terminate(ctx context.Context) (n int, err error) {
	err = d.ask(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'specstar%'`, &n)
	return n, err
}

// sessions returns how many of workers there are.
func (d *database) sessions(ctx context.Context) (n int, err error) {
	err = d.ask(ctx, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'specstar-worker'`, &n)
	return n, err
}

// ask runs a query of one value on a connection of its own.
func (d *database) ask(ctx context.Context, query string, to any, args ...any) (err error) {
	conn, err := pgx.Connect(ctx, d.direct)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return conn.QueryRow(ctx, query, args...).Scan(to)
}
