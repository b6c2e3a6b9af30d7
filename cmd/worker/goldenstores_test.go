package main

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/canon"
	"github.com/specstar-worker/worker/internal/unpack"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/resource"
)

// Stores made by the original, and what it says is in them.
const (
	goldenSQLiteDisk = "../../storage/disk/testdata/sqlite_disk_msgpack.tar.gz"
	goldenOldDisk    = "testdata/pre09_disk.tar.gz"
	goldenOldSQLite  = "testdata/pre09_sqlite.tar.gz"
	goldenVersions   = "../../storage/disk/testdata/schema_versions_disk.tar.gz"
	expectedSQLite   = "testdata/sqlite_disk_msgpack.expected.json"
	expectedOld      = "../../manager/testdata/pre09.expected.json"
	expectedVersions = "../../manager/testdata/schema_versions.expected.json"
)

func unpacked(t *testing.T, archive string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	unpack.Into(t, dir, archive)
	return dir
}

func expectedIn(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// goldenResource is a resource as the expected files have it.
type goldenResource struct {
	Meta      map[string]any
	Revisions []struct {
		Info map[string]any
		Raw  []byte `json:"raw_b64"`
		Text string `json:"raw"`
	}
}

// facts are metas, infos and payloads as text, by what they are of.
type facts map[string]string

// add notes a resource of a model. A revision that is stored at two schema versions
// with one content comes twice.
func (f facts) add(t *testing.T, model string, r goldenResource) {
	t.Helper()
	f["meta "+model+" "+r.Meta["resource_id"].(string)] = canonical(t, r.Meta)
	for _, rev := range r.Revisions {
		f.addRevision(model, rev.Info["revision_id"].(string), canonical(t, rev.Info), string(rev.Raw)+rev.Text)
	}
}

func (f facts) addRevision(model, id, info, data string) {
	for n := 1; ; n++ {
		key := fmt.Sprintf("revision %s %s (%d)", model, id, n)
		if _, ok := f[key]; !ok {
			f[key] = info + " " + data
			return
		}
	}
}

// canonical makes JSON of a meta or info comparable: instants in UTC.
func canonical(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(canon.Of(t, v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// dumped returns what a dump of a store has, and the ids of its blobs.
func dumped(t *testing.T, store string) (facts, []string) {
	t.Helper()
	f, blobs, model := facts{}, map[string]bool{}, ""
	r := archive.NewReader(bytes.NewReader(dumpOf(t, store)), archive.Limits{})
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return f, slices.Sorted(maps.Keys(blobs))
		}
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case archive.ModelStart:
			model = rec.Model
		case archive.Meta:
			f["meta "+model+" "+string(rec.Meta.ResourceID)] = canonical(t, rec.Meta)
		case archive.Revision:
			f.addRevision(model, string(rec.Revision.Info.RevisionID), canonical(t, rec.Revision.Info), string(rec.Revision.Data))
		case archive.Blob:
			blobs[rec.FileID] = true
		}
	}
}

// untouched runs commands that read, and checks that the directory is as before.
func untouched(t *testing.T, dir string, read func()) {
	t.Helper()
	before := tree(t, dir)
	read()
	if d := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(tree(t, dir)))); d != "" {
		t.Errorf("reading changed files:\n%s", d)
	}
}

const olderThan30 = `{"conditions":[{"type":"DataSearchCondition","field_path":"age","operator":"gt","value":30}]}`

// goldenRow is a row of resource_meta; the blob is in hex.
type goldenRow map[string]any

// TestGoldenSQLiteDisk reads a store of the original with metas in SQLite files and
// revisions on disk; a store made from its dump has the same rows, column by column.
func TestGoldenSQLiteDisk(t *testing.T) {
	t.Parallel()
	var want struct {
		SQLite map[string]struct{ Rows []goldenRow }
		Models map[string]struct{ Resources []goldenResource }
	}
	expectedIn(t, expectedSQLite, &want)
	all := facts{}
	for model, m := range want.Models {
		for _, r := range m.Resources {
			all.add(t, model, r)
		}
	}
	dir := unpacked(t, goldenSQLiteDisk)
	store, again := "sqlite+disk:"+dir, filepath.Join(t.TempDir(), "again")
	untouched(t, dir, func() {
		got, blobs := dumped(t, store)
		if d := cmp.Diff(all, got); d != "" || len(blobs) != 3 {
			t.Errorf("%d blobs, -original +dump:\n%s", len(blobs), d)
		}
		cli(t, "verify", "--store", store).ok(t)
		if ids := cli(t, "search", "person", "--query", olderThan30, "--store", store, "-o", "ids").ok(t); !strings.Contains(ids, "person:") {
			t.Errorf("found %q", ids)
		}
	})
	path := filepath.Join(t.TempDir(), "dump.acbak")
	cli(t, "dump", "--out", path, "--store", store).ok(t)
	cli(t, "load", path, "--store", "sqlite+disk:"+again, "--encoding", "msgpack").ok(t)
	for model, m := range want.SQLite {
		got := rowsOf(t, filepath.Join(again, model, "meta.db"))
		for _, row := range m.Rows {
			row["indexed_data"] = spaced("indexed_data", row["indexed_data"].(string))
		}
		slices.SortFunc(m.Rows, func(a, b goldenRow) int {
			return strings.Compare(a["resource_id"].(string), b["resource_id"].(string))
		})
		if d := cmp.Diff(m.Rows, got); d != "" {
			t.Errorf("rows of %s, -original +ours:\n%s", model, d)
		}
	}
}

// rowsOf returns the rows of a file of metas by ascending id, as JSON has them.
func rowsOf(t *testing.T, path string) []goldenRow {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM resource_meta ORDER BY resource_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var list []goldenRow
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		row := goldenRow{}
		for i, name := range names {
			switch v := (*values[i].(*any)).(type) {
			case string:
				row[name] = spaced(name, v)
			case []byte:
				row[name] = hex.EncodeToString(v)
			case int64:
				row[name] = float64(v)
			default:
				row[name] = v
			}
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// spaced returns a text; JSON, which only SQLite reads, as values: the original puts
// spaces in it and has the keys in another order.
func spaced(column, text string) any {
	var v any
	if column == "indexed_data" && json.Unmarshal([]byte(text), &v) == nil {
		return v
	}
	return text
}

// TestGoldenSchemaVersionsOnDisk reads a store of the original's disk factory with
// revisions at two schema versions.
func TestGoldenSchemaVersionsOnDisk(t *testing.T) {
	t.Parallel()
	var want struct{ Store []goldenResource }
	expectedIn(t, expectedVersions, &want)
	all := facts{}
	for _, r := range want.Store {
		all.add(t, "cat", r)
	}
	dir := unpacked(t, goldenVersions)
	untouched(t, dir, func() {
		got, _ := dumped(t, "disk:"+dir)
		if d := cmp.Diff(all, got); d != "" {
			t.Errorf("-original +dump:\n%s", d)
		}
	})
}

// TestGoldenOldDisk reads and backfills stores of a release before 0.9: the metas are
// as the original's backfill makes them. One current revision was removed by hand.
func TestGoldenOldDisk(t *testing.T) {
	t.Parallel()
	type metas map[string][]map[string]any
	var want struct {
		Disk struct {
			Before metas `json:"metas_before"`
			After  metas `json:"metas_after"`
		}
	}
	expectedIn(t, expectedOld, &want)
	flat := func(list metas) facts {
		f := facts{}
		for model, all := range list {
			for _, m := range all {
				f["meta "+model+" "+m["resource_id"].(string)] = canonical(t, m)
			}
		}
		return f
	}
	for kind, golden := range map[string]string{"disk:": goldenOldDisk, "sqlite+disk:": goldenOldSQLite} {
		dir := unpacked(t, golden)
		store := kind + dir
		check := func(what string, want facts) {
			got := facts{}
			for model := range strings.FieldsSeq("person document sales-order") {
				var list []map[string]any
				cli(t, "search", model, "--store", store, "-o", "json").into(t, &list)
				for _, m := range list {
					got["meta "+model+" "+m["resource_id"].(string)] = canonical(t, m)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, %s: -original +ours\n%s", kind, what, d)
			}
		}
		untouched(t, dir, func() {
			check("before the backfill", flat(want.Disk.Before))
			if r := cli(t, "verify", "--store", store); r.code != exitProblems || !strings.Contains(r.stdout, "person:p4") {
				t.Errorf("%s: verify = %+v", kind, r)
			}
		})
		for _, updated := range []map[string]int64{{"person": 7, "document": 3, "sales-order": 2}, {"person": 0, "document": 0, "sales-order": 0}} {
			var got jobs.BackfillOutcome
			cli(t, "backfill", "--store", store, "-o", "json").into(t, &got)
			for model, n := range updated {
				if got.Models[model].Updated != n {
					t.Errorf("%s: %s: %+v, want %d updated", kind, model, got.Models[model], n)
				}
			}
		}
		check("after the backfill", flat(want.Disk.After))
		if kind == "disk:" {
			filesAreCanonical(t, dir, len(flat(want.Disk.After)))
		}
	}
}

// filesAreCanonical checks that each file of a meta is what the original would write.
func filesAreCanonical(t *testing.T, dir string, n int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*/meta/*.data"))
	if err != nil || len(names) != n {
		t.Fatalf("%d files, %v; want %d", len(names), err, n)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := resource.DecodeMeta(resource.JSON, b)
		if err != nil || !bytes.Equal(b, m.Append(resource.JSON, nil)) || filepath.Base(name) != string(m.ResourceID)+".data" {
			t.Errorf("%s has %q, %v", name, b, err)
		}
	}
}
