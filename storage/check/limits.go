package check

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func limitChecks() []check {
	return []check{
		{"G20/ids_are_kept_as_they_are", idsAreKept},
		{"G20/unusable_ids_are_refused", unusableIDs},
		{"G20/what_could_not_be_read_again_is_refused", unreadableRefused},
		{"G20/payloads_are_kept_byte_for_byte", payloadsAreKept},
		{"G20/texts_are_kept", textsAreKept},
		{"G20/times_are_kept", timesAreKept},
		{"G20/arguments_may_be_reused", argumentsReused},
		{"G20/large_batches_are_taken", largeBatches},
	}
}

func idsAreKept(t T, s *subject) {
	stores := s.use(t)
	ids := []resource.ID{
		"..", "../../etc/passwd", "a..b", "a/b", "a:b:c", ":", "a b", "'; DROP TABLE x; --", `q"\`, "%_", "ü中\U0001F600",
		"\n\t\x01", "A", "a", "x:1", "x", ".", "CON", resource.ID(strings.Repeat("n", resource.MaxIDBytes)),
	}
	if s.Traits().FileNames {
		ids = s.fileNames(t, ids)
	}
	s.put(t, ids...)
	for _, id := range ids {
		got, err := stores.Metas.Get(t.Context(), id)
		ok(t, "get", err)
		sameMeta(t, "the meta", got, newMeta(id, 1))
		rev, err := stores.Revisions.Get(t.Context(), newInfo(id, 1).Key())
		ok(t, "get revision", err)
		sameRevision(t, "the revision", rev, newRevision(id, 1))
		wantRevisions(t, stores.Revisions, id, id.Revision(1))
		found := collect(t, "search", stores.Metas.Search(t.Context(), qb.Where(qb.ResourceID().Eq(id))))
		equal(t, "ids found", idsOf(found), []resource.ID{id})
	}
	equal(t, "number of metas", len(collect(t, "all metas", stores.Metas.All(t.Context()))), len(ids))
}

// fileNames returns those ids that can be names of files; the others are refused.
func (s *subject) fileNames(t T, ids []resource.ID) []resource.ID {
	t.Helper()
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	return slices.DeleteFunc(ids, func(id resource.ID) bool {
		special := id == "." || id == ".." || strings.ContainsAny(string(id), "/\n") || len(id) == resource.MaxIDBytes
		if !special {
			return false
		}
		err := stores.Revisions.SaveMany(t.Context(), []resource.Revision{newRevision(id, 1)})
		bad := err != nil
		if bad {
			wantErr(t, "save a revision of "+string(id), err, storage.ErrUnusableName)
		}
		return bad
	})
}

func unusableIDs(t T, s *subject) {
	stores := s.use(t)
	for _, id := range []resource.ID{"", "a\x00b", "a\xff", resource.ID(strings.Repeat("n", resource.MaxIDBytes+1))} {
		if err := stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta(id, 1)}); err == nil {
			t.Fatalf("a meta was saved under the id %q", id)
		}
		if err := stores.Revisions.SaveMany(t.Context(), []resource.Revision{newRevision(id, 1)}); err == nil {
			t.Fatalf("a revision was saved under the id %q", id)
		}
	}
	wantIDs(t, stores.Metas)
}

func unreadableRefused(t T, s *subject) {
	stores := s.use(t)
	c := s.claim(t, newJob("load"))
	for what, change := range map[string]func(*resource.Meta, *resource.RevisionInfo){
		"text": func(m *resource.Meta, i *resource.RevisionInfo) { m.UpdatedBy, i.UpdatedBy = "\xff", "\xff" },
		"time": func(m *resource.Meta, i *resource.RevisionInfo) {
			m.UpdatedTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
			i.UpdatedTime = m.UpdatedTime
		},
		"status": func(m *resource.Meta, i *resource.RevisionInfo) {
			m.Rev.Status, i.Status = opt.Of(resource.Status("odd")), "odd"
		},
	} {
		m, r := newMeta("p1", 1), newRevision("p1", 1)
		change(&m, &r.Info)
		staged := func(w storage.ModelWrites) error {
			return s.Unit().Stage(t.Context(), storage.Staged{Chunk: storage.ChunkRef{Claim: c}, Models: writesOf(model, w), Outcome: []byte(`{}`)})
		}
		for how, err := range map[string]error{
			"save a meta":      stores.Metas.SaveMany(t.Context(), []resource.Meta{m}),
			"save a revision":  stores.Revisions.SaveMany(t.Context(), []resource.Revision{r}),
			"stage a meta":     staged(storage.ModelWrites{Metas: []resource.Meta{m}}),
			"stage a revision": staged(storage.ModelWrites{Revisions: []resource.Revision{r}}),
		} {
			if err == nil {
				t.Fatalf("%s with a bad %s: there is no error", how, what)
			}
		}
	}
	wantIDs(t, stores.Metas)
	wantRevisions(t, stores.Revisions, "p1")
}

func payloadsAreKept(t T, s *subject) {
	revs := s.use(t).Revisions
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for i, data := range [][]byte{
		{}, []byte(" {} \n"), []byte("\"\\u0000 \x00\""), every, {0xc1}, bytes.Repeat(every, 4096),
	} {
		r := newRevision("p1", i+1)
		r.Data = data
		ok(t, "save", revs.SaveMany(t.Context(), []resource.Revision{r}))
		got, err := revs.Get(t.Context(), r.Info.Key())
		ok(t, "get", err)
		if !bytes.Equal(got.Data, data) {
			t.Fatalf("a payload of %d bytes came back as %d other bytes", len(data), len(got.Data))
		}
	}
}

func textsAreKept(t T, s *subject) {
	metas := s.use(t).Metas
	for _, text := range []string{"", "a\x00b", "\x00", `"\u0000"`, "\u2028\U0001F600é", strings.Repeat("long", 5000)} {
		key := "k\x00y"
		if s.Traits().NoNUL {
			key = "key"
		}
		x, err := resource.NewIndexed(map[string]any{"text": text, key: text, "list": []any{text}})
		ok(t, "make indexed data", err)
		m := newMeta("p1", 1)
		m.IndexedData = opt.Of(x)
		err = metas.SaveMany(t.Context(), []resource.Meta{m})
		if s.refusesNUL(t, text, err) {
			continue
		}
		ok(t, "save", err)
		got, err := metas.Get(t.Context(), "p1")
		ok(t, "get", err)
		sameMeta(t, "the meta", got, m)
		wantAnswer(t, metas, []resource.Meta{m}, qb.Where(qb.Data("text").Eq(text)))
	}
}

// refusesNUL reports whether the store does not take a text with a NUL, and fails t
// when it said anything else than that.
func (s *subject) refusesNUL(t T, text string, err error) bool {
	t.Helper()
	if !s.Traits().NoNUL || !strings.ContainsRune(text, 0) {
		return false
	}
	bad, refused := errors.AsType[*storage.RecordError](err)
	if !refused || bad.ID != "p1" || bad.Field == "" {
		t.Fatalf("a text with a NUL gave %v, want a RecordError that names record and field", err)
	}
	return true
}

func timesAreKept(t T, s *subject) {
	stores := s.use(t)
	east := time.FixedZone("", 8*3600)
	for _, at := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, resource.Naive),
		time.Date(1, 1, 2, 0, 0, 0, 1000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Unix(0, 0).UTC(), time.Unix(0, 0).In(resource.Naive), time.Date(2026, 3, 1, 20, 0, 0, 1000, east),
		time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC), time.Date(2514, 5, 30, 1, 53, 4, 1000, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, resource.Naive),
	} {
		m, r := newMeta("p1", 1), newRevision("p1", 1)
		m.CreatedTime, m.UpdatedTime, m.Rev.CreatedTime, m.Rev.UpdatedTime = at, at, opt.Of(at), opt.Of(at)
		r.Info.CreatedTime, r.Info.UpdatedTime, r.Info.UID = at, at, uuid.New()
		ok(t, "save meta", stores.Metas.SaveMany(t.Context(), []resource.Meta{m}))
		ok(t, "save revision", stores.Revisions.SaveMany(t.Context(), []resource.Revision{r}))
		meta, err := stores.Metas.Get(t.Context(), "p1")
		ok(t, "get meta", err)
		sameMeta(t, "the meta", meta, m)
		info, err := stores.Revisions.Info(t.Context(), r.Info.Key())
		ok(t, "get info", err)
		sameInfo(t, "the info", info, r.Info)
		for _, c := range []qb.Cond{
			qb.CreatedTime().Eq(at), qb.RevUpdatedTime().Lte(at), qb.UpdatedTime().Gt(at),
			qb.RevCreatedTime().Between(at.Add(-time.Microsecond), at),
		} {
			wantAnswer(t, stores.Metas, []resource.Meta{m}, qb.Where(c))
		}
	}
}

func argumentsReused(t T, s *subject) {
	stores := s.use(t)
	version := "1"
	r := newRevision("p1", 1)
	r.Info.ParentSchemaVersion = opt.Of(&version)
	want := newRevision("p1", 1)
	want.Info.ParentSchemaVersion = opt.Of(new("1"))
	j := newJob("save")
	j.Envelope = []byte("envelope")
	revs, metas := []resource.Revision{r}, []resource.Meta{newMeta("p1", 1)}
	ok(t, "save revisions", stores.Revisions.SaveMany(t.Context(), revs))
	ok(t, "save metas", stores.Metas.SaveMany(t.Context(), metas))
	s.insert(t, j)

	clear(r.Data)
	clear(revs)
	clear(metas)
	clear(j.Envelope)
	version = "changed"
	got, err := stores.Revisions.Get(t.Context(), want.Info.Key())
	ok(t, "get", err)
	sameRevision(t, "the revision", got, want)
	wantIDs(t, stores.Metas, "p1")
	job, err := s.Ledger().Get(t.Context(), j.ID)
	ok(t, "get job", err)
	equal(t, "the envelope", string(job.Envelope), "envelope")
	clear(job.Envelope)
	job, err = s.Ledger().Get(t.Context(), j.ID)
	ok(t, "get job", err)
	equal(t, "the envelope read again", string(job.Envelope), "envelope")
}

func largeBatches(t T, s *subject) {
	stores := s.use(t)
	var ids []resource.ID
	for i := range 3000 {
		ids = append(ids, resource.ID("person:"+strings.Repeat("0", i%3)+uuid.NewSHA1(uuid.Nil, []byte{byte(i), byte(i >> 8)}).String()))
	}
	s.put(t, ids...)
	many, err := stores.Metas.GetMany(t.Context(), ids)
	ok(t, "get many", err)
	equal(t, "number of metas", len(many), len(ids))
	equal(t, "number of revisions", countOf(t, stores), int64(len(ids)))
}
