package manager_test

import (
	"bytes"
	"database/sql"
	"io"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// damagedStore is a SQLite store of two resources with two revisions each, in
// whose file a statement was run.
func damagedStore(t *testing.T, statement string) *store {
	t.Helper()
	dir := t.TempDir()
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s := catalogOf(t, f)
	m := declare(t, s, storage.ModelInfo{Name: "doc"})
	_, err = m.SaveMany(t.Context(), []manager.Operation{
		op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 0), op(manager.OpUpdate, "doc:a", `{"n":2}`, "ann", 1),
		op(manager.OpCreate, "doc:b", `{"n":3}`, "ann", 0), op(manager.OpUpdate, "doc:b", `{"n":4}`, "ann", 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "specstar.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); n != 1 || err != nil {
		t.Fatalf("%d rows were damaged (%v), want 1", n, err)
	}
	return s
}

// The rows of the revisions of doc:a.
const (
	ofFirst = ` WHERE id = (SELECT data_id FROM doc_resource_index WHERE revision_id = 'doc:a:1')`
	ofLast  = ` WHERE id = (SELECT data_id FROM doc_resource_index WHERE revision_id = 'doc:a:2')`
)

// TestVerifyFindsDamageOfTheFile changes one row behind the store's back. What
// verify calls damaged is either dumped as it is or not dumped at all; nothing
// is left out silently.
func TestVerifyFindsDamageOfTheFile(t *testing.T) {
	for _, tc := range []struct {
		name, statement string
		want            manager.Code
		dumped          bool
	}{
		{"payload of an old revision", `UPDATE doc_resource_data SET data = '{"n":9}'` + ofFirst, manager.CodeHashWrong, true},
		{"payload of the current revision", `UPDATE doc_resource_data SET data = ''` + ofLast, manager.CodeHashWrong, true},
		{"info is cut", `UPDATE doc_resource_data SET info = substr(info, 1, 20)` + ofFirst, manager.CodeUnreadable, false},
		{"info names another number", `UPDATE doc_resource_data SET info = cast(replace(cast(info AS TEXT), 'doc:a:1', 'doc:a:7') AS BLOB)` + ofFirst, manager.CodeUnreadable, false},
		{"info names another resource", `UPDATE doc_resource_data SET info = cast(replace(cast(info AS TEXT), 'doc:a', 'doc:b') AS BLOB)` + ofFirst, manager.CodeUnreadable, false},
		{"info has another status", `UPDATE doc_resource_data SET info = cast(replace(cast(info AS TEXT), 'ann', 'bob') AS BLOB)` + ofLast, manager.CodeRevMeta, true},
		{"content of an old revision is gone", `DELETE FROM doc_resource_data` + ofFirst, manager.CodeUnreadable, false},
		{"content of the current revision is gone", `DELETE FROM doc_resource_data` + ofLast, manager.CodeUnreadable, false},
		{"current revision is gone", `DELETE FROM doc_resource_index WHERE revision_id = 'doc:a:2'`, manager.CodeRevMissing, true},
		{"meta is cut", `UPDATE doc_meta SET data = substr(data, 1, 30) WHERE resource_id = 'doc:a'`, manager.CodeUnreadable, false},
		{"meta is of another resource", `UPDATE doc_meta SET data = (SELECT data FROM doc_meta WHERE resource_id = 'doc:b') WHERE resource_id = 'doc:a'`, manager.CodeUnreadable, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := damagedStore(t, tc.statement)
			f, err := s.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if f.OK || len(f.Problems) == 0 || f.Problems[0].Code != tc.want {
				t.Errorf("verify says %+v, want %s", f, tc.want)
			}
			var b bytes.Buffer
			_, err = s.DumpTo(t.Context(), io.MultiWriter(&b), manager.DumpOptions{})
			if tc.dumped != (err == nil) {
				t.Errorf("dump says %v", err)
			}
		})
	}
}
