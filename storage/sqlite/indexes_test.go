package sqlite

import (
	"strings"
	"testing"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
)

func indexStates(t *testing.T, status []storage.IndexStatus, err error) map[storage.IndexState]int {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	states := map[storage.IndexState]int{}
	for _, x := range status {
		if states[x.State]++; x.Problem == "" && (x.Name == "" || x.On == "" && x.State != storage.IndexUnwanted && x.State != storage.IndexDropped || x.Statement == "") {
			t.Errorf("%+v", x)
		}
	}
	return states
}

func TestDeclaredIndexesAreMadeAndDropped(t *testing.T) {
	f := openModel(t, Config{})
	wanted := []storage.Index{
		{Keys: []storage.IndexKey{{Attr: qb.AttrRevCreatedTime}}},
		{Keys: []storage.IndexKey{{Attr: qb.AttrRevStatus}, {Path: "price"}}},
		{Equal: "sku"},
	}
	status, err := f.Indexes(t.Context(), model, wanted)
	if got := indexStates(t, status, err); got[storage.IndexMissing] != 3 || got[storage.IndexThere] != 5 {
		t.Errorf("before: %v", got)
	}
	for range 2 {
		status, err = f.MakeIndexes(t.Context(), model, wanted, false)
		if got := indexStates(t, status, err); got[storage.IndexThere] != 8 {
			t.Errorf("made: %v", got)
		}
	}
	if got := plan(t, f, `SELECT data FROM person_meta ORDER BY rev_created_time DESC, resource_id DESC`); !strings.Contains(got, "USING INDEX person_meta_index_") {
		t.Errorf("plan is %q", got)
	}
	err = f.do(t.Context(), "make an index of a former version", func(t *tx) error {
		_, err := t.exec(`CREATE INDEX person_meta_rev ON person_meta (rev_status)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	status, err = f.MakeIndexes(t.Context(), model, nil, false)
	if got := indexStates(t, status, err); got[storage.IndexUnwanted] != 4 {
		t.Errorf("no more wanted: %v", got)
	}
	status, err = f.MakeIndexes(t.Context(), model, nil, true)
	if got := indexStates(t, status, err); got[storage.IndexDropped] != 4 || got[storage.IndexThere] != 5 {
		t.Errorf("dropped: %v", got)
	}
	status, err = f.MakeIndexes(t.Context(), model, []storage.Index{{Elements: "tags"}, {}}, true)
	if got := indexStates(t, status, err); got[storage.IndexMissing] != 2 {
		t.Errorf("impossible: %v", got)
	}
}
