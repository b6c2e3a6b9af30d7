package check

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Who receives a value may keep it: a store that hands out memory it uses again
// changes it behind its owner's back.
func receivedChecks() []check {
	return []check{
		{"G20/received_revisions_do_not_change", receivedRevisions},
		{"G20/received_metas_do_not_change", receivedMetas},
		{"G20/received_jobs_do_not_change", receivedJobs},
	}
}

// kept remembers what bytes were when they were received.
type kept struct {
	what         string
	bytes, first []byte
}

func keep(what string, b []byte) kept { return kept{what: what, bytes: b, first: bytes.Clone(b)} }

// wantKept fails t when any bytes are not what they were.
func wantKept(t T, all []kept) {
	t.Helper()
	for _, k := range all {
		if !bytes.Equal(k.bytes, k.first) {
			t.Fatalf("%s was %q when it was received and is %q now", k.what, k.first, k.bytes)
		}
	}
}

// receivedRevisions keeps payloads from every way to read them, then reads and
// writes others.
func receivedRevisions(t T, s *subject) {
	stores := s.use(t)
	ids := []resource.ID{"p1", "p2", "p3", "p4"}
	s.put(t, ids...)
	var all []kept
	for range 2 {
		for _, id := range ids {
			r, err := stores.Revisions.Get(t.Context(), newInfo(id, 1).Key())
			ok(t, "get", err)
			all = append(all, keep("the payload of "+string(id), r.Data))
		}
		for r, err := range stores.Revisions.DumpAll(t.Context(), slices.Values(ids)) {
			ok(t, "dump", err)
			all = append(all, keep("the dumped payload of "+string(r.Info.ResourceID), r.Data))
		}
		err := s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo(ids...)}, func(v storage.View) (storage.Writes, error) {
			for _, id := range ids {
				data, err := v.Data(model, newInfo(id, 1).Key())
				ok(t, "data in a unit", err)
				all = append(all, keep("the payload of "+string(id)+" in a unit", data))
			}
			return storage.Writes{}, nil
		})
		ok(t, "update", err)
		for _, id := range ids { // other content of the same length under the same key
			r := newRevision(id, 1)
			r.Info.UID, r.Data = uuid.New(), bytes.ToUpper(r.Data)
			ok(t, "save other content", stores.Revisions.SaveMany(t.Context(), []resource.Revision{r}))
		}
	}
	wantKept(t, all)
}

func receivedMetas(t T, s *subject) {
	metas := s.use(t).Metas
	for n := range 3 {
		m := bare("p1", n+1)
		x, err := resource.NewIndexed(map[string]any{"n": n})
		ok(t, "make indexed data", err)
		m.IndexedData = opt.Of(x)
		ok(t, "save", metas.SaveMany(t.Context(), []resource.Meta{m, bare("p2", n+1)}))
		page := unfilled(t, metas, 2)
		first := page[0]
		stored := []kept{keep("the stored bytes of p1", first.Stored), keep("the stored bytes of p2", page[1].Stored)}
		ok(t, "save another", metas.SaveMany(t.Context(), []resource.Meta{bare("p1", 9), bare("p2", 9)}))
		unfilled(t, metas, 2)
		wantKept(t, stored)
		sameMeta(t, "the meta that was received", first.Meta, m)
	}
}

func receivedJobs(t T, s *subject) {
	var all []kept
	var jobs []storage.Job
	for i := range 3 {
		j := newJob("save")
		j.Envelope = fmt.Appendf(nil, `{"n":%d}`, i)
		jobs = append(jobs, j)
	}
	s.insert(t, jobs...)
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{ended(jobs[2], `{"done":1}`)}))
	for range 2 {
		for _, j := range collect(t, "list", s.Ledger().List(t.Context(), storage.JobFilter{})) {
			all = append(all, keep("the envelope of a listed job", j.Envelope), keep("the outcome of a listed job", j.Outcome))
		}
		rows, err := s.Ledger().Attempt(t.Context(), jobs)
		ok(t, "attempt", err)
		for _, j := range rows {
			all = append(all, keep("the envelope of a job", j.Envelope), keep("the hash of a job", j.EnvelopeHash))
		}
		s.insert(t, newJob("load"))
	}
	wantKept(t, all)
}
