package postgres_test

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// timeOf is an instant for each number.
func timeOf(i int) time.Time { return goldenStart.Add(time.Duration(i) * time.Hour) }

// noise returns a text that cannot be compressed: indexes compress what they hold.
func noise(n int) string {
	b := make([]byte, n/2+1)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)[:n]
}

// wantRefused reports when a write was not refused for one field of one record.
func wantRefused(t *testing.T, err error, field string) {
	t.Helper()
	refused, ok := errors.AsType[*storage.RecordError](err)
	if !ok || refused.Field != field || refused.Reason == "" || refused.Model != "person" {
		t.Errorf("%s is refused with %v", field, err)
	}
}

// longest is what badText lets through.
const longest = 1200

// TestTextsThatFitNoIndex: on the table that has the original's eleven indexes and
// ours, every text is taken or its record refused alone; the server refuses none.
func TestTextsThatFitNoIndex(t *testing.T) {
	f := openStore(t, postgres.Config{DSN: goldenDatabase(t)})
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]func(m *resource.Meta, text string){
		"created_by":     func(m *resource.Meta, text string) { m.CreatedBy = text },
		"updated_by":     func(m *resource.Meta, text string) { m.UpdatedBy = text },
		"schema_version": func(m *resource.Meta, text string) { m.SchemaVersion = opt.Of(text) },
		"rev_created_by": func(m *resource.Meta, text string) { m.Rev.CreatedBy = opt.Of(text) },
		"rev_updated_by": func(m *resource.Meta, text string) { m.Rev.UpdatedBy = opt.Of(text) },
	}
	all := metaAt(t, resource.ID(noise(resource.MaxIDBytes)), "", nil)
	all.Rev.Status = opt.Of(resource.Stable)
	for field, set := range fields {
		set(&all, noise(longest))
		m := metaAt(t, "person:x", "", nil)
		set(&m, noise(longest+1))
		wantRefused(t, stores.Metas.SaveMany(t.Context(), []resource.Meta{m}), field)
		set(&m, "a\x00b")
		wantRefused(t, stores.Metas.SaveMany(t.Context(), []resource.Meta{m}), field)
		set(&m, "a\xffb")
		if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{m}); err == nil {
			t.Errorf("%s that is not UTF-8 is taken", field)
		}
	}
	if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{all}); err != nil {
		t.Errorf("the longest texts together: %v", err)
	}
}

// TestRecordsThatCannotBeHeldAreNamedTogether: who writes need not find them one by one.
func TestRecordsThatCannotBeHeldAreNamedTogether(t *testing.T) {
	f := openStore(t, postgres.Config{DSN: goldenDatabase(t)})
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	metas := []resource.Meta{metaAt(t, "person:a", "name", "a\x00"), metaAt(t, "person:b", "name", "b"), metaAt(t, "person:c", "name", "c\x00")}
	err = stores.Metas.SaveMany(t.Context(), metas)
	wantRefused(t, err, "indexed_data.name")
	if bad, ok := errors.AsType[*storage.RecordError](err); !ok || bad.ID != "person:a" || len(bad.More) != 1 || bad.More[0].ID != "person:c" {
		t.Errorf("refused with %+v", err)
	}
	revisions := make([]resource.Revision, len(metas))
	for i, m := range metas {
		revisions[i] = revisionOf(m)
		if i != 1 {
			revisions[i].Info.SchemaVersion = opt.Of("__none__")
		}
	}
	if bad, ok := errors.AsType[*storage.RecordError](stores.Revisions.SaveMany(t.Context(), revisions)); !ok || bad.ID != "person:a" || len(bad.More) != 1 {
		t.Errorf("refused with %+v", bad)
	}
}

// TestIndexedValuesOfAnySize: the GIN index of the original hashes long values.
func TestIndexedValuesOfAnySize(t *testing.T) {
	f := openStore(t, postgres.Config{DSN: goldenDatabase(t)})
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	many := make([]any, 50_000)
	for i := range many {
		many[i] = noise(8 + i%100)
	}
	for name, value := range map[string]any{
		"a long text": noise(3 << 20), "many texts": many, "a great number": 1e308, "a small one": 5e-324,
		"quotes": strings.Repeat(`"\`, 5000), "a NUL that is none": `\u0000`, "nothing": nil, "one of another plane": "😀\u2028\ufffe",
	} {
		m := metaAt(t, resource.ID("person:"+name), "name", value)
		if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{m}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := stores.Metas.Get(t.Context(), m.ResourceID); err != nil || !resourceEqual(got, m) {
			t.Errorf("%s came back otherwise (%v)", name, err)
		}
	}
	checkQuery(t, stores.Metas, qb.Where(qb.Data("name").Eq(noise(3<<20))))
	m := metaAt(t, "person:x", "name", "a\x00b")
	wantRefused(t, stores.Metas.SaveMany(t.Context(), []resource.Meta{m}), "indexed_data.name")
}

func resourceEqual(a, b resource.Meta) bool {
	return string(a.Append(resource.Msgpack, nil)) == string(b.Append(resource.Msgpack, nil))
}

// TestKeysOfRevisionsThatFitNoIndex: three texts are the key of an index entry.
func TestKeysOfRevisionsThatFitNoIndex(t *testing.T) {
	f := openStore(t, postgres.Config{DSN: goldenDatabase(t)})
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	rev := revisionOf(metaAt(t, resource.ID(noise(resource.MaxIDBytes)), "", nil))
	rev.Info.SchemaVersion = opt.Of(noise(longest))
	if err := stores.Revisions.SaveMany(t.Context(), []resource.Revision{rev}); err != nil {
		t.Errorf("the longest key: %v", err)
	}
	rev.Info.SchemaVersion = opt.Of(noise(longest + 1))
	wantRefused(t, stores.Revisions.SaveMany(t.Context(), []resource.Revision{rev}), "schema_version")
	rev.Info.SchemaVersion = opt.Of("__none__")
	wantRefused(t, stores.Revisions.SaveMany(t.Context(), []resource.Revision{rev}), "schema_version")
}
