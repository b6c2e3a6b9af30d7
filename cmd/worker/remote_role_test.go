package main

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// exec runs statements in the database.
func (r remote) exec(t *testing.T, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also when the test has ended
	conn, err := pgx.Connect(ctx, r.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// dump returns the bytes of a dump of the store.
func (r remote) dump(t *testing.T, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dump.acbak")
	r.run(t, append([]string{"dump", "--out", out}, args...)...).ok(t)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// as returns the store with another user in its address.
func (r remote) as(t *testing.T, user string) remote {
	t.Helper()
	u, err := url.Parse(r.dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	q := u.Query()
	q.Del("user")
	u.RawQuery = q.Encode()
	r.dsn = u.String()
	r.flags = slices.Clone(r.flags)
	r.flags[1] = r.dsn
	return r
}

// forget removes our own tables: what is left is a store that only the original
// has ever opened.
const forget = `DO $$ DECLARE name text; BEGIN
	FOR name IN SELECT tablename FROM pg_tables WHERE tablename LIKE 'specstar%' LOOP
		EXECUTE 'DROP TABLE ' || quote_ident(name) || ' CASCADE';
	END LOOP; END $$`

func TestTablesOfOthersAreReadWithoutWritingAndTakenInByAWriter(t *testing.T) {
	s := newRemote(t, "postgres")
	s.run(t, "load", "testdata/small.acbak", "--model", "person").ok(t)
	want := s.dump(t)
	s.exec(t, forget)
	before := s.tables(t)
	if got := s.dump(t); !bytes.Equal(got, want) {
		t.Errorf("a dump of tables that nobody of ours made differs: %d and %d bytes", len(got), len(want))
	}
	for _, args := range [][]string{
		{"models"},
		{"search", "person"},
		{"count", "person"},
		{"verify"},
		{"jobs", "list"},
		{"jobs", "retry", "--all"},
		{"gc"},
		{"plan", "testdata/small.acbak"},
	} {
		s.run(t, args...).ok(t)
	}
	if after := s.tables(t); !slices.Equal(after, before) {
		t.Fatalf("readers made tables: %v; before: %v", after, before)
	}
	s.run(t, "load", "testdata/small.acbak", "--on-duplicate", "skip").ok(t)
	if got := s.dump(t, "--model", "person"); !bytes.Equal(got, want) {
		t.Error("taken in by a writer, the model has another content")
	}
}

func TestARoleThatMayMakeNoTables(t *testing.T) {
	s := newRemote(t, "postgres")
	role := "app_" + filepath.Base(strings.Split(s.dsn, "?")[0])
	r := s.run(t, "load", "testdata/small.acbak", "--no-migrate")
	if r.code != exitError || !strings.Contains(r.stderr, "told to make none") || len(s.tables(t)) != 0 {
		t.Fatalf("load with --no-migrate into an empty database = %+v, tables %v", r, s.tables(t))
	}
	s.run(t, "load", "testdata/small.acbak").ok(t)
	s.exec(t, "CREATE ROLE "+role+" LOGIN", "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	t.Cleanup(func() { s.exec(t, "DROP OWNED BY "+role, "DROP ROLE "+role) })
	app := s.as(t, role)
	app.run(t, "load", "testdata/small.acbak", "--on-duplicate", "overwrite", "--no-migrate").ok(t)
	app.run(t, "verify").ok(t)
}

// TestAStoreIsNotOpenedWithoutItsRevisions: it would show none, and new ones would
// be written beside them.
func TestAStoreIsNotOpenedWithoutItsRevisions(t *testing.T) {
	for _, tc := range []struct {
		layout, want string
		flags        []string
	}{
		{"postgres", "its revisions are in the database", []string{"--revisions", "disk:" + t.TempDir()}},
		{"postgres disk", "--objects or --revisions", nil},
		{"postgres s3", "--objects or --revisions", nil},
	} {
		t.Run(tc.layout, func(t *testing.T) {
			s := newRemote(t, tc.layout)
			s.run(t, "load", "testdata/small.acbak", "--model", "person").ok(t)
			wrong := remote{dsn: s.dsn, flags: append(slices.Clone(s.flags[:2]), append(tc.flags, "--data", t.TempDir())...)}
			for _, made := range []string{"by us", "by others"} {
				before := s.tables(t)
				for _, args := range [][]string{{"models"}, {"dump", "--out", "-"}, {"load", "testdata/small.acbak", "--model", "person", "--on-duplicate", "skip"}} {
					if r := wrong.run(t, args...); r.code != exitError || !strings.Contains(r.stderr, tc.want) {
						t.Errorf("made %s: %v = %+v", made, args, r)
					}
				}
				if after := s.tables(t); made == "by us" && !slices.Equal(before, after) {
					t.Errorf("tables were made: %v; before: %v", after, before)
				}
				s.exec(t, forget)
			}
			s.run(t, "verify").ok(t)
		})
	}
}
