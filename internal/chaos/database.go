package chaos

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

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
	volume  *volume // that tables lie on, where it can be filled up; the log does not
	seen    atomic.Int64
	direct  string // address without the proxy
	// workers is the address that workers get. It holds a password that nobody asks for.
	workers string
}

// startDatabase starts a server that keeps every acknowledged commit when it is killed.
func startDatabase(ctx context.Context, password, dir string, fillable bool) (*database, error) {
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
	if fillable {
		if err := d.moveTo(ctx, dir); err != nil {
			return nil, errors.Join(err, d.close())
		}
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

// moveTo has all tables lie on a volume, where one can be mounted.
func (d *database) moveTo(ctx context.Context, dir string) (err error) {
	if d.volume, err = mountVolume(dir); d.volume == nil || err != nil {
		return err
	}
	of, err := os.Stat(d.server.Dir())
	if err != nil {
		return err
	}
	place := filepath.Join(dir, "tables") // the server wants it empty, and its own
	if err := os.Mkdir(place, 0o700); err != nil {
		return err
	}
	if as, ok := of.Sys().(*syscall.Stat_t); ok {
		if err := errors.Join(os.Chown(place, int(as.Uid), int(as.Gid)), os.Chmod(filepath.Dir(dir), 0o711)); err != nil {
			return err
		}
	}
	conn, err := pgx.Connect(ctx, d.server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, do := range []string{`CREATE TABLESPACE small LOCATION '` + place + `'`, `ALTER DATABASE chaos SET TABLESPACE small`} {
		if _, err := conn.Exec(ctx, do); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) close() error {
	if d.proxy != nil {
		d.proxy.Close()
	}
	err := d.server.Stop(pgtest.Immediate)
	if d.commits != nil {
		err = errors.Join(err, d.commits.Close())
	}
	return errors.Join(err, d.volume.close())
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
