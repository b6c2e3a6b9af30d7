package main

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/s3test"
)

// remote is a store in PostgreSQL as flags.
type remote struct {
	dsn   string
	flags []string
	// service has the objects; nil for none.
	service *s3test.Server
}

// layouts are the parts of the stores in PostgreSQL.
var layouts = map[string]struct{ objects, disk bool }{
	"postgres":         {},
	"postgres s3":      {objects: true},
	"postgres disk":    {disk: true},
	"postgres disk s3": {objects: true, disk: true},
}

// newRemote returns an empty store of its own.
func newRemote(t *testing.T, layout string) remote {
	t.Helper()
	parts, known := layouts[layout]
	if !known {
		t.Fatalf("no layout %s", layout)
	}
	r := remote{dsn: pgtest.Database(t)}
	dir := t.TempDir()
	r.flags = []string{"--store", r.dsn, "--data", filepath.Join(dir, "data")}
	if parts.objects {
		r.service = startS3(t)
		r.flags = append(r.flags, "--objects", "s3://bucket/app?path_style=true&endpoint="+url.QueryEscape(r.service.Endpoint))
	}
	if parts.disk {
		r.flags = append(r.flags, "--revisions", "disk:"+filepath.Join(dir, "revisions"))
	}
	return r
}

// startS3 starts a service without buckets, with its account in the environment.
func startS3(t *testing.T) *s3test.Server {
	t.Helper()
	s := s3test.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	return s
}

// run runs a command on the store.
func (r remote) run(t *testing.T, args ...string) result {
	t.Helper()
	return cli(t, append(args, r.flags...)...)
}

// tables returns the names of all tables in the database, of whatever schema.
func (r remote) tables(t *testing.T) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), r.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT schemaname || '.' || tablename FROM pg_tables
		WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// withPassword puts a password into the address of a server that asks for none.
func withPassword(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	user := u.User.Username()
	if user == "" {
		user = u.Query().Get("user")
	}
	u.User = url.UserPassword(user, secret)
	if !strings.Contains(u.String(), secret) {
		t.Fatalf("no password in %s", u.String())
	}
	return u.String()
}
