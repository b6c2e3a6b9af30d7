package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestOpenRefuses(t *testing.T) {
	statement := func(query string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(query); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name    string
		prepare func(t *testing.T, path string)
		config  Config
		want    string // part of the message
		is      error
	}{
		{name: "a newer layout", prepare: statement(`CREATE TABLE x (y); PRAGMA application_id = 1397769556; PRAGMA user_version = 9`), want: "layout 9"},
		{name: "another program's file", prepare: statement(`CREATE TABLE x (y); PRAGMA user_version = 1`), want: "another program"},
		{name: "no SQLite file", prepare: func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("text ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, want: "not a SQLite file"},
		{name: "reading what is not there", prepare: func(*testing.T, string) {}, config: Config{ReadOnly: true}, is: storage.ErrNotFound},
		{name: "reading an empty SQLite file", prepare: statement(`CREATE TABLE x (y)`), config: Config{ReadOnly: true}, want: "holds no store"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.config.Dir = t.TempDir()
			path := filepath.Join(c.config.Dir, fileName)
			c.prepare(t, path)
			f, err := Open(t.Context(), c.config)
			if err == nil {
				t.Fatal(errors.Join(errors.New("opened"), f.Close()))
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name %q and the file", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %q is not %q", err, c.is)
			}
		})
	}
}

func TestOpenWithOddPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b", "c?d#e%20f")
	if Exists(dir) {
		t.Error("a store exists before it was made")
	}
	openModel(t, Config{Dir: dir})
	if !Exists(dir) {
		t.Error("no store exists in " + dir)
	}
}

func TestOpenRefusesAnotherEncoding(t *testing.T) {
	f := openModel(t, Config{Encoding: resource.JSON})
	_, err := Open(t.Context(), Config{Dir: f.dir, Encoding: resource.Msgpack})
	if err == nil || !strings.Contains(err.Error(), "json") {
		t.Errorf("error is %v, want one that names the store's encoding", err)
	}
}

func TestPrefixesAreStoresOfTheirOwn(t *testing.T) {
	plain := openModel(t, Config{})
	update(t, plain, newResources(0, 2, 10))
	other := open(t, Config{Dir: plain.dir, TablePrefix: "x_"})
	if plain.ID() == other.ID() {
		t.Error("two prefixes have one id")
	}
	models, err := other.Models(t.Context())
	if err != nil || len(models) != 0 {
		t.Errorf("models of the other prefix: %v, %v", models, err)
	}
	if err := other.SaveModel(t.Context(), storage.ModelInfo{Name: model, Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	stats, err := build(t, other).Metas.Stats(t.Context())
	if err != nil || stats != (storage.Stats{}) {
		t.Errorf("stats of the other prefix: %+v, %v", stats, err)
	}
}

func TestModelsMayNotShareTables(t *testing.T) {
	f := openModel(t, Config{})
	cases := []struct {
		config Config
		model  string
	}{
		{Config{Dir: f.dir}, "Person"},
		{Config{Dir: f.dir}, "PERSON"},
		{Config{Dir: f.dir, TablePrefix: "per"}, "son"},
	}
	for _, c := range cases {
		t.Run(c.config.TablePrefix+c.model, func(t *testing.T) {
			err := open(t, c.config).SaveModel(t.Context(), storage.ModelInfo{Name: c.model, Encoding: resource.JSON})
			if err == nil || !strings.Contains(err.Error(), "model person") || !strings.Contains(err.Error(), c.model) {
				t.Errorf("error is %v, want one that names both models", err)
			}
		})
	}
}

func TestReadOnlyChangesNothing(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 3, 10))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, f.dir)
	r := open(t, Config{Dir: f.dir, ReadOnly: true})
	if n := dump(t, r); n != 3 {
		t.Errorf("%d resources, want 3", n)
	}
	s := build(t, r)
	for what, err := range map[string]error{
		"save metas": s.Metas.SaveMany(t.Context(), []resource.Meta{newResource(9, 1).meta}),
		"save model": r.SaveModel(t.Context(), storage.ModelInfo{Name: "other", Encoding: resource.JSON}),
		"settle":     r.Ledger().Settle(t.Context(), nil),
	} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("%s: error is %v, want %v", what, err, errReadOnly)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if after := files(t, f.dir); after != before {
		t.Errorf("directory is %q after reading, was %q", after, before)
	}
}

// files returns the names in a directory.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestReadOnlyWhileWritten(t *testing.T) {
	w := openModel(t, Config{})
	update(t, w, newResources(0, 10, 10))
	r := open(t, Config{Dir: w.dir, ReadOnly: true})
	snapshot, err := r.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := snapshot.Close(); err != nil {
			t.Error(err)
		}
	}()
	update(t, w, newResources(10, 10, 10))

	if n := dump(t, r); n != 20 {
		t.Errorf("%d resources, want 20", n)
	}
	metas, _, err := snapshot.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := metas.Stats(t.Context())
	if err != nil || stats.Metas != 10 {
		t.Errorf("the snapshot has %d metas (%v), want the 10 of its time", stats.Metas, err)
	}
}

func TestTwoOpenTheSameNewDirectory(t *testing.T) {
	dir := t.TempDir()
	type result struct {
		f   *Factory
		err error
	}
	results := make(chan result)
	for range 4 {
		go func() {
			f, err := Open(t.Context(), Config{Dir: dir})
			results <- result{f, err}
		}()
	}
	ids := map[string]bool{}
	for range 4 {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
			continue
		}
		ids[r.f.ID().String()] = true
		if err := r.f.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(ids) != 1 {
		t.Errorf("ids are %v, want one", ids)
	}
}

func TestCommitsWaitForTheDisk(t *testing.T) {
	f := openModel(t, Config{})
	err := f.write.do(t.Context(), "look", func(x *tx) error {
		for pragma, want := range map[string]string{"synchronous": "2", "wal_autocheckpoint": "20000", "journal_mode": "wal"} {
			var got string
			if err := x.w.conn.QueryRowContext(x.run, `PRAGMA `+pragma).Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMissingRightIsASetup: whoever runs the program has to mend it, no job is to blame.
func TestMissingRightIsASetup(t *testing.T) {
	f := openModel(t, Config{})
	_, err := f.reads.ExecContext(t.Context(), `DELETE FROM specstar_jobs`) // it may only read
	if err = f.explain("write", err); !errors.Is(err, storage.ErrSetup) {
		t.Errorf("a write without the right is explained as %v, want %v", err, storage.ErrSetup)
	}
}
