package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/s3test"
)

func TestAnAbsentRemoteStoreIsEmptyAndIsNotMade(t *testing.T) {
	for layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			s := newRemote(t, layout)
			for _, tc := range []struct {
				args []string
				want string
			}{
				{[]string{"search", "m", "-o", "json"}, "[]"},
				{[]string{"count", "m", "-o", "json"}, `"count": 0`},
				{[]string{"models", "-o", "json"}, "[]"},
				{[]string{"verify", "-o", "json"}, `"ok": true`},
				{[]string{"jobs", "list", "-o", "json"}, "[]"},
				{[]string{"gc", "-o", "json"}, `"dry_run": true`},
				{[]string{"jobs", "retry", "--all", "-o", "json"}, "[]"},
			} {
				if out := s.run(t, tc.args...).ok(t); !strings.Contains(out, tc.want) {
					t.Errorf("%v = %s; want %s", tc.args, out, tc.want)
				}
			}
			out := filepath.Join(t.TempDir(), "empty.acbak")
			s.run(t, "dump", "--out", out).ok(t)
			cli(t, "verify", out).ok(t)
			if made := s.tables(t); len(made) != 0 {
				t.Errorf("tables were made: %v", made)
			}
			if made := filesOf(t, s.flags); len(made) != 0 {
				t.Errorf("files were made: %v", made)
			}
		})
	}
}

// filesOf returns what is in the directories that flags name.
func filesOf(t *testing.T, flags []string) []string {
	t.Helper()
	var found []string
	for i := 0; i+1 < len(flags); i += 2 {
		if flags[i] != "--data" && flags[i] != "--revisions" {
			continue
		}
		entries, err := os.ReadDir(strings.TrimPrefix(flags[i+1], "disk:"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, e := range entries {
			found = append(found, e.Name())
		}
	}
	return found
}

// TestWalkOnRemoteStores does the same on a store of each kind and on SQLite, and
// wants the same of all.
func TestWalkOnRemoteStores(t *testing.T) {
	want := walk(t, []string{"--store", "sqlite:" + filepath.Join(t.TempDir(), "data")})
	for layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			s := newRemote(t, layout)
			got := walk(t, s.flags)
			for i, step := range want {
				if !bytes.Equal(got[i].output, step.output) {
					t.Errorf("%s gave\n%s\nwant\n%s", step.name, got[i].output, step.output)
				}
			}
		})
	}
}

type walked struct {
	name   string
	output []byte
}

// walk loads, looks, saves, fills, verifies, collects and loads again.
func walk(t *testing.T, flags []string) (steps []walked) {
	t.Helper()
	in := func(stdin string, code int, args ...string) string {
		t.Helper()
		r := cliIn(t, stdin, append(args, flags...)...)
		if r.code != code {
			t.Fatalf("%v: exit code %d, want %d\nstdout: %s\nstderr: %s", args, r.code, code, r.stdout, r.stderr)
		}
		return r.stdout
	}
	keep := func(args ...string) {
		t.Helper()
		steps = append(steps, walked{strings.Join(args, " "), []byte(in("", exitOK, args...))})
	}
	dump := func() {
		t.Helper()
		out := filepath.Join(t.TempDir(), "dump.acbak")
		in("", exitOK, "dump", "--out", out)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, walked{"dump", b})
	}
	in("", exitOK, "load", "testdata/small.acbak")
	dump()
	keep("models", "-o", "json")
	keep("search", "person", "--sort", "-rev_created_time", "-o", "json")
	keep("search", "person", "--query", `{"rev_statuses":["stable"],"limit":3}`, "-o", "ids")
	keep("verify", "-o", "json")
	in("", exitError, "load", "testdata/small.acbak")
	in("", exitOK, "load", "testdata/small.acbak", "--on-duplicate", "skip")
	in("", exitOK, "load", "testdata/small_0.8.5.acbak", "--on-duplicate", "overwrite", "--rules", "off")
	keep("backfill", "-o", "json")
	in(`{"op":"create","resource_id":"note:1","data":{"b":1,"a":[1.0,"é"]},"user":"alice","time":"2024-03-01T08:00:00Z"}
{"op":"update","resource_id":"note:1","data":{"b":2},"user":"bob","time":"2024-03-01T08:01:00Z"}
{"op":"update","resource_id":"note:1","data":{"b":3},"user":"bob","time":"2024-03-01T08:02:00Z"}
{"op":"switch","resource_id":"note:1","revision_id":"note:1:2","user":"eve","time":"2024-03-01T08:03:00Z"}
{"op":"delete","resource_id":"note:1","user":"eve","time":"2024-03-01T08:04:00Z"}
{"op":"restore","resource_id":"note:1","user":"eve","time":"2024-03-01T08:05:00Z"}
`, exitOK, "save", "note", "--from", "-")
	keep("search", "note", "-o", "json")
	keep("revisions", "note", "note:1", "-o", "ids")
	keep("count", "note", "--query", `{"rev_updated_bys":["bob"]}`)
	in("", exitOK, "gc", "--delete", "--grace", "0") // an overwritten payload is garbage of some stores
	keep("verify", "-o", "json")
	found, _, _ := strings.Cut(in("", exitOK, "gc"), flags[1]) // the last line names the store
	steps = append(steps, walked{"gc", []byte(found)})
	dumpedAgain(t, in)
	return steps
}

// dumpedAgain wants a dump to be whole.
func dumpedAgain(t *testing.T, in func(string, int, ...string) string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "again.acbak")
	in("", exitOK, "dump", "--out", out)
	cli(t, "verify", out).ok(t)
}

func TestTwoStoresInOneDatabaseShareADataDirectory(t *testing.T) {
	s := newRemote(t, "postgres")
	other := remote{dsn: s.dsn, flags: append(slices.Clone(s.flags), "--table-prefix", "other_")}
	s.run(t, "load", "testdata/small.acbak").ok(t)
	if out := other.run(t, "models", "-o", "ids").ok(t); out != "" {
		t.Fatalf("the other store has %s", out)
	}
	other.run(t, "load", "testdata/small.acbak", "--model", "person").ok(t)
	if out := other.run(t, "models", "-o", "ids").ok(t); strings.TrimSpace(out) != "person" {
		t.Fatalf("the other store has %s", out)
	}
	if out := s.run(t, "count", "person").ok(t); strings.TrimSpace(out) != "8" {
		t.Fatalf("the first store has %s", out)
	}
}

func TestAnUnknownDatabaseNamesCreatedb(t *testing.T) {
	dsn := pgtest.Database(t)
	unknown := withPassword(t, strings.Replace(dsn, "/test", "/absent", 1))
	for _, args := range [][]string{{"models"}, {"load", "testdata/small.acbak"}, {"check"}, {"gc"}} {
		r := cli(t, append(args, "--store", unknown, "--data", t.TempDir())...)
		if r.code != exitUnavailable || !strings.Contains(r.stderr, "createdb") || !strings.Contains(r.stderr, "absent") {
			t.Errorf("%v = %+v", args, r)
		}
		if strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("%v shows the password", args)
		}
	}
}

// TestNoCommandShowsThePassword runs what prints the name of the store.
func TestNoCommandShowsThePassword(t *testing.T) {
	s := newRemote(t, "postgres s3")
	s.flags[1] = withPassword(t, s.dsn)
	for _, args := range [][]string{
		{"load", "testdata/small.acbak"},

		{"models"},
		{"search", "person", "--explain"},
		{"get", "person", "nobody"},
		{"count", "nothing"},
		{"verify"},
		{"gc"},
		{"config"},
		{"plan", "testdata/small.acbak"},
		{"jobs", "show", "none"},
		{"check", "--only", "G1"},
	} {
		for _, format := range []string{"table", "json"} {

			r := s.run(t, append(args, "-o", format)...)
			if said := r.stdout + r.stderr; strings.Contains(said, secret) || strings.Contains(said, s3test.SecretKey) {
				t.Errorf("%v shows a password:\n%s\n%s", args, r.stdout, r.stderr)
			}
		}
	}
}

func TestPartsOfAStoreMustBeThoseOfItsOwner(t *testing.T) {
	s := newRemote(t, "postgres disk")
	p := start(t, nil, append([]string{"run", "--listen", "off"}, s.flags...)...)
	eventually(t, "the worker to start", func() bool { return strings.Contains(p.log(), "started") })
	other := append(slices.Clone(s.flags[:4]), "--revisions", "disk:"+t.TempDir())
	r := cli(t, append([]string{"load", "testdata/small.acbak", "-o", "json"}, other...)...)
	if f := r.refusal(t); f.Code != codeOwned || !strings.Contains(f.Message, "--revisions is") {
		t.Errorf("load with another directory = %+v", r)
	}
	added := append(slices.Clone(s.flags), "--objects", "s3://bucket?path_style=true&endpoint="+startS3(t).Endpoint)
	r = cli(t, append([]string{"load", "testdata/small.acbak", "-o", "json"}, added...)...)
	if f := r.refusal(t); f.Code != codeOwned || !strings.Contains(f.Message, "--objects is") {
		t.Errorf("load with objects besides = %+v", r)
	}
	s.run(t, "load", "testdata/small.acbak").ok(t)
}

func TestGarbageIsCollectedWhileAWorkerRuns(t *testing.T) {
	s := newRemote(t, "postgres")
	p := start(t, nil, append([]string{"run", "--listen", "off"}, s.flags...)...)
	eventually(t, "the worker to start", func() bool { return strings.Contains(p.log(), "started") })
	s.run(t, "load", "testdata/small.acbak").ok(t)
	before := s.dump(t)
	s.run(t, "gc", "--delete", "--grace", "0").ok(t)
	if !bytes.Equal(s.dump(t), before) {
		t.Fatal("the collection changed the store")
	}
}
