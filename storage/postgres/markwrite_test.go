package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// A mark that is another one by the time that it is raised makes its unit compute again:
// one that was pruned, and one that a program raised that found none either.
func TestMarksThatChangeMeanwhile(t *testing.T) {
	f := openOf(t, pgtest.Database(t), false)
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		before []storage.Mark // of places alone
		change func(key uuid.UUID) error
		want   int64
	}{
		"pruned": {
			before: []storage.Mark{{Minor: 1}},
			change: func(uuid.UUID) error {
				_, err := f.Ledger().PruneMarks(t.Context(), at.Add(time.Hour))
				return err
			},
			want: 3,
		},
		"raised": {
			change: func(key uuid.UUID) error {
				_, err := f.pool.Exec(t.Context(), `INSERT INTO specstar_marks (store, key, major, minor, at) VALUES ($1, $2, 0, 9, $3)`, f.identity.number, [16]byte(key), at)
				return err
			},
			want: 9,
		},
	} {
		key := storage.MarkKey("person", resource.ID("person:"+name), uuid.Nil)
		raise := func(minor int64, meanwhile func() error) (calls int, err error) {
			b := storage.Batch{Refs: []storage.Ref{{Model: "person", ID: resource.ID("person:" + name)}}, Marks: []uuid.UUID{key}}
			err = f.Unit().Update(t.Context(), b, func(storage.View) (storage.Writes, error) {
				calls++
				var err error
				if calls == 1 {
					err = meanwhile()
				}
				return storage.Writes{Marks: []storage.Mark{{Key: key, Minor: minor, Time: at}}}, err
			})
			return calls, err
		}
		for _, m := range tc.before {
			if _, err := raise(m.Minor, func() error { return nil }); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		calls, err := raise(3, func() error { return tc.change(key) })
		if err != nil || calls != 2 {
			t.Errorf("%s: computed %d times: %v", name, calls, err)
		}
		marks, err := f.marksOf(t.Context(), f.pool, []uuid.UUID{key})
		if err != nil || marks[key].Minor != tc.want {
			t.Errorf("%s: the mark is %+v (%v), want %d", name, marks[key], err, tc.want)
		}
	}
}
