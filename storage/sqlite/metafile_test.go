package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// fileOf returns a file of metas of which so many lack rev_* fields, before as many that have them.
func fileOf(t *testing.T, lacking int) *metaFile {
	t.Helper()
	f := openModel(t, Config{})
	m, err := openMetaFile(t.Context(), f, model, filepath.Join(t.TempDir(), "meta.db"), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.close(); err != nil {
			t.Error(err)
		}
	})
	const insert = `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1 * 2)
		INSERT INTO resource_meta SELECT printf('id%05d', n), 'x', 1, 1, 'ann', 'ann', 0, NULL, '{}',
		iif(n > ?1, 'stable', NULL), 'ann', 'ann', 1, 1 FROM n`
	err = m.write.do(t.Context(), "fill", func(t *tx) error {
		_, err := t.w.conn.ExecContext(t.run, insert, lacking)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestUnfilledOfAFile: few rows are found by the indexes of the file, of many each page by
// going on in their order. Sorting all of them for each page would take a reader's lock, which keeps writers
// waiting, for seconds where there are a million.
func TestUnfilledOfAFile(t *testing.T) {
	const limit = 10
	for lacking, sorts := range map[int]bool{fewPages * limit: true, fewPages*limit + 1: false} {
		m := fileOf(t, lacking)
		in := storage.Range{After: "id00002", Until: "id00020"}
		page, err := m.Unfilled(t.Context(), in, limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids, want []resource.ID
		for _, p := range page {
			ids = append(ids, p.ID)
		}
		for n := 3; n < 3+limit; n++ {
			want = append(want, resource.ID(fmt.Sprintf("id%05d", n)))
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%d lack rev_*: %q", lacking, ids)
		}
		condition, err := m.soonest(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		query, args := firstOf(condition, in, limit)
		steps := plan(t, &Factory{reads: m.reads}, query, args...)
		if strings.Contains(steps, "ORDER BY") != sorts {
			t.Errorf("%d lack rev_*: %s", lacking, steps)
		}
	}
}

// TestAFileWithoutItsTable has no metas yet for who only reads: somebody is about to make
// the table, or was killed then.
func TestAFileWithoutItsTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := openModel(t, Config{})
	f.readOnly = true
	m, err := openMetaFile(t.Context(), f, model, path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.close() }()
	metas, lacking, err := m.Count(t.Context())
	some, failed := m.Unfilled(t.Context(), storage.Range{}, 10)
	if metas+lacking != 0 || len(some) != 0 || err != nil || failed != nil {
		t.Errorf("%d metas, %d and %d lack rev_*, %v, %v", metas, lacking, len(some), err, failed)
	}
}
