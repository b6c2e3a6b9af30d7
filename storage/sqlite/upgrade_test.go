package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestUpgradeKeepsEverything(t *testing.T) {
	dir := unpackLayout1(t)
	columns := columnsOf(t, dir)
	before := rowsOf(t, dir, columns)
	if len(before) != 14 || len(before["specstar_jobs"]) != 6 || len(before["person_resource_data"]) != 14 {
		t.Fatalf("the old file has %d tables with rows, %d jobs", len(before), len(before["specstar_jobs"]))
	}
	old := open(t, Config{Dir: dir, ReadOnly: true})
	id := old.ID()
	models, err := old.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, Config{Dir: dir})
	if f.ID() != id {
		t.Errorf("the id is %s after the upgrade, was %s", f.ID(), id)
	}
	upgraded, err := f.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(upgraded) != fmt.Sprint(models) || len(models) != 3 {
		t.Errorf("models are %v, were %v", upgraded, models)
	}
	if v := layoutOf(t, dir); v != layoutVersion {
		t.Errorf("the layout is %d", v)
	}
	if diff := cmp.Diff(before, rowsOf(t, dir, columns)); diff != "" {
		t.Errorf("rows changed: %s", diff)
	}
	upgradedFileWorks(t, f)
}

// upgradedFileWorks writes to a file that had an older layout.
func upgradedFileWorks(t *testing.T, f *Factory) {
	t.Helper()
	want := storage.ModelInfo{Name: model, Encoding: resource.JSON, IndexedPaths: []string{"age", "name"}, UniquePaths: []string{"name"}, Declaration: []byte("{}")}
	if err := f.SaveModel(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	models, err := f.Models(t.Context())
	if err != nil || len(models) != 3 || fmt.Sprint(models[1]) != fmt.Sprint(want) {
		t.Errorf("models are %v (%v), want %v among them", models, err, want)
	}
	update(t, f, newResources(0, 3, 10))
	if n := count(t, f, `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`); n != 0 {
		t.Errorf("integrity_check reports %d problems", n)
	}
}

func TestUpgradeHappensOnce(t *testing.T) {
	dir := unpackLayout1(t)
	for range 2 {
		f := open(t, Config{Dir: dir})
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, Config{Dir: dir})
	if n := count(t, f, `SELECT count(*) FROM specstar_schema WHERE version_id = 2`); n != 1 {
		t.Errorf("migration 2 ran %d times", n)
	}
	if n := count(t, f, `SELECT count(*) FROM specstar_schema WHERE version_id = 3`); n != 1 {
		t.Errorf("migration 3 ran %d times", n)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("opening an upgraded file changed it (%v)", err)
	}
}

func TestOldLayoutIsReadAsItIs(t *testing.T) {
	dir := unpackLayout1(t)
	before, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, Config{Dir: dir, ReadOnly: true})
	models, err := f.Models(t.Context())
	if err != nil || len(models) != 3 || models[1].Name != model || len(models[1].IndexedPaths) != 5 || models[1].UniquePaths != nil {
		t.Errorf("models are %v (%v)", models, err)
	}
	if n := dump(t, f); n != 9 {
		t.Errorf("%d resources, want 9", n)
	}
	jobs, err := f.Ledger().Count(t.Context())
	if err != nil || jobs[storage.JobDone] != 3 || jobs[storage.JobQueued] != 1 {
		t.Errorf("jobs are %v (%v)", jobs, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("reading changed the file (%v)", err)
	}
}

func TestTwoUpgradeTheSameFile(t *testing.T) {
	dir := unpackLayout1(t)
	errs := make(chan error)
	for range 4 {
		go func() {
			f, err := Open(t.Context(), Config{Dir: dir})
			if err == nil {
				err = f.Close()
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	f := open(t, Config{Dir: dir})
	if n := count(t, f, `SELECT count(*) FROM specstar_schema WHERE version_id = 2`); n != 1 {
		t.Errorf("migration 2 ran %d times", n)
	}
	upgradedFileWorks(t, f)
}

// A reader of the old layout and an older program that still has the file open
// go on working after the upgrade.
func TestOldReadersSurviveAnUpgrade(t *testing.T) {
	dir := unpackLayout1(t)
	old := open(t, Config{Dir: dir, ReadOnly: true})
	raw := rawDB(t, dir)
	open(t, Config{Dir: dir})
	if n := dump(t, old); n != 9 {
		t.Errorf("%d resources, want 9", n)
	}
	if _, err := old.Models(t.Context()); err != nil {
		t.Error(err)
	}
	_, err := raw.Exec(`INSERT INTO specstar_models (store, name, table_name, encoding, indexed_paths) VALUES (1, 'late', 'late', 'json', '[]')
		ON CONFLICT (store, name) DO UPDATE SET encoding = excluded.encoding, indexed_paths = excluded.indexed_paths`)
	if err != nil {
		t.Error(err)
	}
}

func TestFullDiskDuringUpgradeLeavesTheOldFile(t *testing.T) {
	dir := unpackLayout1(t)
	columns := columnsOf(t, dir)
	before := rowsOf(t, dir, columns)
	path := filepath.Join(dir, fileName)
	db, err := sql.Open("sqlite", writeDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`PRAGMA max_page_count = 1`); err != nil { // no page more than there are
		t.Fatal(err)
	}
	if err := migrate(t.Context(), db, path); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("error is %v, want storage.ErrUnavailable with the way out", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if v := layoutOf(t, dir); v != 1 {
		t.Errorf("the layout is %d, want 1", v)
	}
	if diff := cmp.Diff(before, rowsOf(t, dir, columns)); diff != "" {
		t.Errorf("rows changed: %s", diff)
	}
	upgradedFileWorks(t, open(t, Config{Dir: dir}))
}
