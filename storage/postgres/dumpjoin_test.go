package postgres

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// joins counts the statements that read revisions with their entries.
type joins struct{ n atomic.Int64 }

func (j *joins) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if strings.Contains(d.SQL, "LEFT JOIN") && strings.Contains(d.SQL, "d.info, d.data") {
		j.n.Add(1)
	}
	return ctx
}

func (*joins) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// fatResource has revisions that do not fit into the memory of a dump, and manyRevisions
// so many that their numbers and their texts have different orders.
const fatResource, manyRevisions = 700, 12

// dumpedWrites are resources of which every hundredth has many revisions and fatResource
// has large ones.
func dumpedWrites(n int) (storage.ModelWrites, []storage.Ref) {
	var w storage.ModelWrites
	w, refs := sweptWrites(0, n)
	first := w.Revisions
	w.Revisions = nil
	for i, rev := range first {
		revisions, data := 1, rev.Data
		switch {
		case i == fatResource:
			revisions, data = 4, bytes.Repeat([]byte("x"), dumpBytes/3)
		case i%100 == 7:
			revisions = manyRevisions
		}
		w.Metas[i].TotalRevisionCount = revisions
		w.Metas[i].CurrentRevisionID = rev.Info.ResourceID.Revision(revisions)
		for number := 1; number <= revisions; number++ {
			r := rev
			r.Info.RevisionID = rev.Info.ResourceID.Revision(number)
			r.Info.UID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(r.Info.RevisionID))
			r.Data = data
			w.Revisions = append(w.Revisions, r)
		}
	}
	return w, refs
}

// dumpOf returns what a dump of ids by a snapshot, of which all metas may have been read,
// and one by the store give, in one line a revision.
func dumpOf(t *testing.T, f *Factory, ids []resource.ID, whole bool) (bySnapshot, byStore []string, err error) {
	t.Helper()
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	s := snapshotOf(t, f)
	defer s.Close()
	metas, revisions, err := s.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	if whole {
		for _, err := range metas.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	lines := func(all iter.Seq2[resource.Revision, error]) (out []string, err error) {
		for rev, err := range all {
			if err != nil {
				return out, err
			}
			out = append(out, fmt.Sprintf("%s %s %d", rev.Info.ResourceID, rev.Info.RevisionID, len(rev.Data)))
		}
		return out, nil
	}
	if byStore, err = lines(stores.Revisions.DumpAll(t.Context(), slices.Values(ids))); err == nil {
		bySnapshot, err = lines(revisions.DumpAll(t.Context(), slices.Values(ids)))
	} else {
		bySnapshot, _ = lines(revisions.DumpAll(t.Context(), slices.Values(ids)))
	}
	return bySnapshot, byStore, err
}

// TestDumpByOneStatementIsTheSame: as page by page, whatever the numbers and sizes, and
// with two connections alone.
func TestDumpByOneStatementIsTheSame(t *testing.T) {
	asked := &joins{}
	f := openSwept(t, Config{Tracer: asked, Connections: 2})
	const n = 1200
	w, refs := dumpedWrites(n)
	err := f.Unit().Update(t.Context(), storage.Batch{Refs: refs}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{"person": w}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]resource.ID, 0, n)
	for i := range n {
		if i%50 != 3 {
			ids = append(ids, sweptID(i))
		}
	}
	ids = append(ids, "person:nobody")
	var few []resource.ID
	for i := 0; i < len(ids); i += 4 {
		few = append(few, ids[i])
	}
	for name, c := range map[string]struct {
		ids  []resource.ID
		some bool // statements with joins
	}{
		"ascending": {ids, true}, "a few": {few, true}, "not ascending": {slices.Concat(ids[600:], ids[:600]), true},
		"twice": {[]resource.ID{ids[7], ids[7]}, false},
	} {
		for _, whole := range []bool{false, true} {
			asked.n.Store(0)
			got, want, err := dumpOf(t, f, c.ids, whole)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, %v: %d revisions instead of %d, %v", name, whole, len(got), len(want), err)
			}
			if joined := asked.n.Load() > 0; joined != c.some {
				t.Errorf("%s, %v: %d statements read revisions with their entries", name, whole, asked.n.Load())
			}
		}
	}
}

// TestDumpByOneStatementMissesNothing that the index says is there, and shows what comes
// before it.
func TestDumpByOneStatementMissesNothing(t *testing.T) {
	f := openSwept(t, Config{NoForeignKey: true})
	makeSwept(t, f, 0, 400)
	var ids []resource.ID
	for i := range 400 {
		ids = append(ids, sweptID(i))
	}
	for _, c := range []struct {
		bad             int
		what, statement string
	}{
		{300, "is missing", `DELETE FROM person_resource_data WHERE uid = (SELECT uid FROM person_resource_index WHERE resource_id = $1)`},
		{200, "with the info of", `UPDATE person_resource_data SET info = (SELECT info FROM person_resource_data LIMIT 1) WHERE uid = (SELECT uid FROM person_resource_index WHERE resource_id = $1)`},
	} {
		sql(t, f, c.statement, string(sweptID(c.bad)))
		got, want, err := dumpOf(t, f, ids, c.bad == 200)
		if err == nil || !strings.Contains(err.Error(), c.what) || len(want) != c.bad || !slices.Equal(got, want) {
			t.Errorf("%s: %d and %d revisions, %v", c.what, len(got), len(want), err)
		}
	}
}
