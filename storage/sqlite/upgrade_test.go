package sqlite

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// unpackLayout1 writes a store that the last program of layout 1 made: an
// archive and a save were loaded into it, and it has jobs of several states.
func unpackLayout1(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	b, err := os.ReadFile("testdata/layout1.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		path := filepath.Join(dir, h.Name)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// rowsOf returns every row of every table that a store of layout 1 has, with the
// columns it has there, but for the list of migrations.
func rowsOf(t *testing.T, dir string, layout1 map[string]string) map[string][]string {
	t.Helper()
	db := rawDB(t, dir)
	content := map[string][]string{}
	for table, columns := range layout1 {
		rows, err := db.Query(`SELECT quote(concat_ws('|', ` + columns + `)) FROM ` + quote(table) + ` ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			content[table] = append(content[table], row)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return content
}

// columnsOf returns the tables of a file with the quoted values of their columns.
func columnsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	rows, err := rawDB(t, dir).Query(`SELECT m.name, group_concat('quote("' || c.name || '")') FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
		WHERE m.type = 'table' AND m.name NOT IN ('specstar_schema', 'sqlite_sequence') GROUP BY m.name`)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]string{}
	for rows.Next() {
		var name, columns string
		if err := rows.Scan(&name, &columns); err != nil {
			t.Fatal(err)
		}
		tables[name] = columns
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return tables
}

// rawDB opens the file of a store without this package's help.
func rawDB(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func layoutOf(t *testing.T, dir string) int {
	t.Helper()
	v, err := readLayout(t.Context(), rawDB(t, dir), dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

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

// upgradeDir makes this test binary upgrade the store there and die on the way,
// see upgradeAndDie.
const (
	upgradeDir   = "SPECSTAR_TEST_UPGRADE_DIR"
	upgradeStage = "SPECSTAR_TEST_UPGRADE_STAGE"
)

// upgradeAndDie upgrades a store and dies by SIGKILL: after the given number of
// statements of the migration, or when it has committed.
func upgradeAndDie(dir, stage string) error {
	ctx := context.Background()
	db, err := sql.Open("sqlite", writeDSN(filepath.Join(dir, fileName)))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if stage == "committed" {
		if err := migrate(ctx, db, dir); err != nil {
			return err
		}
		return die()
	}
	text, err := migrations.ReadFile("migrations/00002_declarations.sql")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// As goose does it, but for the last steps.
	statements := strings.Split(string(text), ";\n")
	var n int
	if _, err := fmt.Sscan(stage, &n); err != nil {
		return err
	}
	for _, s := range statements[:min(n, len(statements))] {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return die()
}

// die ends this process as a crash does.
func die() error {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err == nil {
		select {}
	}
	return err
}

func TestKilledUpgradeIsRepeated(t *testing.T) {
	for _, stage := range []string{"0", "1", "3", "4", "5", "committed"} {
		t.Run(stage, func(t *testing.T) {
			dir := unpackLayout1(t)
			columns := columnsOf(t, dir)
			before := rowsOf(t, dir, columns)
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), upgradeDir+"="+dir, upgradeStage+"="+stage)
			out, err := child.CombinedOutput()
			if err == nil || child.ProcessState.Exited() {
				t.Fatalf("the child ended by itself: %v: %s", err, out)
			}
			if v := layoutOf(t, dir); (v == layoutVersion) != (stage == "committed") {
				t.Errorf("the layout is %d", v)
			}
			f := open(t, Config{Dir: dir})
			if diff := cmp.Diff(before, rowsOf(t, dir, columns)); diff != "" {
				t.Errorf("rows changed: %s", diff)
			}
			upgradedFileWorks(t, f)
		})
	}
}
