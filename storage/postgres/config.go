package postgres

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Config says where a store is and how it is opened.
type Config struct {
	// DSN is any connection string of libpq: a URL or key=value pairs. Of our own is
	// the parameter layout, see [Layout].
	DSN string
	// TablePrefix is put in front of the models' tables. Stores with different
	// prefixes may share a database; each has its own id, models and jobs.
	TablePrefix string
	// Encoding is how metas and revision infos are written. Empty means as the store
	// was made; for a new one as the tables that are there, else msgpack.
	Encoding resource.Encoding
	// Infos is how revision infos are written in Revisions; empty means as metas are.
	Infos resource.Encoding
	// Schema is where the tables are. Empty means the search_path of the connection.
	Schema string
	// ReadOnly opens a store for reading: nothing is made or changed. A database
	// without any of its tables gives storage.ErrNotFound.
	ReadOnly bool
	// NoMigrate makes no tables and columns, for a role that may not: what is
	// missing is an error that says so.
	NoMigrate bool
	// NoForeignKey makes new tables without the original's foreign key from index to
	// payload. Writes are a quarter cheaper.
	NoForeignKey bool
	// Reached, unless nil, is called once when the store is known to be one that can be
	// used, before what is not there is made. The caller has time for other things then.
	Reached func()
	// Connections is the most connections to use, at least 2; 0 means 16, or
	// pool_max_conns of the DSN. A read inside a loop over another needs one more.
	Connections int
	// Tracer, unless nil, is told of every statement.
	Tracer pgx.QueryTracer
	// Revisions keeps payloads and index entries; nil means in tables. The factory closes it.
	Revisions storage.RevisionMedium
	// Blobs keeps the blobs; nil means in a table.
	Blobs storage.BlobStore
}

// Layout is who made the meta tables.
type Layout string

// The layouts of meta tables.
const (
	// LayoutNative: the original's PostgresMetaStore, or this package.
	LayoutNative Layout = ""
	// LayoutSQLAlchemy: the original's SQLAlchemy meta store, whose time columns
	// have a zone and whose texts have a length.
	LayoutSQLAlchemy Layout = "sqlalchemy"
)

// defaultConnections bounds the pool: a reader inside a loop over another needs
// two, and the writers one each.
const defaultConnections = 16

// leastConnections is how many are needed: one holds the lock while another one makes
// the tables.
const leastConnections = 2

// parse takes our own parameters off the DSN.
func (c Config) parse() (*pgxpool.Config, Layout, error) {
	dsn, layout, err := cutLayout(c.DSN)
	if err != nil {
		return nil, "", err
	}
	pool, err := pgxpool.ParseConfig(dsn)
	if path, _, _ := strings.Cut(afterUser(dsn), "?"); err != nil || isURL(dsn) && strings.Contains(path, "@") {
		return nil, "", explainParse(dsn, err)
	}
	switch {
	case c.Connections > 0:
		pool.MaxConns = int32(min(c.Connections, 1<<16))
	case !strings.Contains(dsn, "pool_max_conns"):
		pool.MaxConns = defaultConnections
	}
	if pool.MaxConns < leastConnections {
		return nil, "", fmt.Errorf("connection string: pool_max_conns is %d: at least %d connections are needed", pool.MaxConns, leastConnections)
	}
	if pool.ConnConfig.RuntimeParams["application_name"] == "" {
		pool.ConnConfig.RuntimeParams["application_name"] = "specstar-worker"
	}
	if c.Schema != "" {
		pool.ConnConfig.RuntimeParams["search_path"] = quote(c.Schema)
	}
	pool.ConnConfig.Tracer = c.Tracer
	return pool, layout, nil
}

// Check reports whether the connection string can be understood. It connects to
// nothing, and its error shows no password.
func (c Config) Check() error {
	_, _, err := c.parse()
	return err
}

// explainParse says what is wrong with a connection string without showing it. Where
// it is not certain which part of it is a password nothing of the reason is shown.
func explainParse(dsn string, err error) error {
	reason, rest := "", afterUser(dsn)
	if err != nil {
		_, reason, _ = strings.Cut(err.Error(), "`: ")
	}
	if reason == "" || strings.Contains(rest, "@") || strings.Contains(strings.ToLower(rest), "password") {
		reason = "it cannot be understood: percent-encode special characters of user and password in a URL"
	}
	return fmt.Errorf("connection string: %s", reason)
}

func isURL(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// afterUser returns what follows the user and password in a URL; for a connection
// string that is none, all of it.
func afterUser(dsn string) string {
	if !isURL(dsn) {
		return dsn
	}
	_, rest, _ := strings.Cut(dsn, "://")
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		return rest[i+1:]
	}
	return rest
}

// cutLayout returns the DSN without the parameter layout, and its value.
func cutLayout(dsn string) (string, Layout, error) {
	if !isURL(dsn) {
		return dsn, LayoutNative, nil
	}
	base, query, found := strings.Cut(dsn, "?")
	if !found {
		return dsn, LayoutNative, nil
	}
	var kept []string
	layout := LayoutNative
	for _, part := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name != "layout" {
			kept = append(kept, part)
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil || Layout(value) != LayoutSQLAlchemy && value != "native" {
			return "", "", fmt.Errorf("connection string: layout is %q: it may be native or sqlalchemy", value)
		}
		if value != "native" {
			layout = Layout(value)
		}
	}
	if len(kept) > 0 {
		base += "?" + strings.Join(kept, "&")
	}
	return base, layout, nil
}
