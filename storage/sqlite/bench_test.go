package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

const (
	batchSize   = 1000
	payloadSize = 760 // a payload of about 800 bytes, as in the figures of the design
)

// BenchmarkUpdate makes 1,000 new resources in each unit of work, each with the
// ledger row of a job of its own.
func BenchmarkUpdate(b *testing.B) {
	f := openModel(b, Config{})
	n := 0
	for b.Loop() {
		w, refs := writesOf(newResources(n, batchSize, payloadSize))
		n += batchSize
		ids := make([]uuid.UUID, batchSize)
		jobs := make([]storage.Job, batchSize)
		for i := range ids {
			ids[i] = uuid.New()
			jobs[i] = storage.Job{ID: ids[i], Kind: "save", Model: model, State: storage.JobDone, Outcome: []byte(`[{"effect":"created"}]`)}
		}
		err := f.Unit().Update(b.Context(), storage.Batch{Refs: refs, Jobs: ids}, func(v storage.View) (storage.Writes, error) {
			for _, r := range refs {
				if v.NextNumber(r) != 1 {
					b.Fatal("a new resource has a number")
				}
			}
			return storage.Writes{Models: map[string]storage.ModelWrites{model: w}, Jobs: jobs}, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, n)
}

// BenchmarkStagePublish loads 20,000 new resources in chunks of 1,000 and
// publishes them at once.
func BenchmarkStagePublish(b *testing.B) {
	const chunks = 20
	f := openModel(b, Config{})
	n := 0
	for b.Loop() {
		_, claim, err := f.Ledger().Claim(b.Context(), storage.Job{ID: uuid.New(), Kind: "load"}, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		for c := range chunks {
			w, _ := writesOf(newResources(n, batchSize, payloadSize))
			n += batchSize
			err := f.Unit().Stage(b.Context(), storage.Staged{
				Chunk:  storage.ChunkRef{Claim: claim, No: c},
				Models: map[string]storage.ModelWrites{model: w},
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Unit().Publish(b.Context(), claim, storage.Final{State: storage.JobDone}); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, n)
}

// BenchmarkDump reads metas, infos and payloads of 20,000 resources in order.
func BenchmarkDump(b *testing.B) {
	const resources = 20 * batchSize
	f := openModel(b, Config{})
	for i := range resources / batchSize {
		update(b, f, newResources(i*batchSize, batchSize, payloadSize))
	}
	n := 0
	for b.Loop() {
		n += dump(b, f)
	}
	perSecond(b, n)
}

// dump reads everything of the test model and returns how many resources there were.
func dump(tb testing.TB, f *Factory) int {
	s, err := f.Snapshot(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	metas, revisions, err := s.Build(context.Background(), model)
	if err != nil {
		tb.Fatal(err)
	}
	n := 0
	ids := func(yield func(resource.ID) bool) {
		for m, err := range metas.All(context.Background()) {
			if err != nil {
				tb.Fatal(err)
			}
			if n++; !yield(m.ResourceID) {
				return
			}
		}
	}
	for _, err := range revisions.DumpAll(context.Background(), ids) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		tb.Fatal(err)
	}
	return n
}

func perSecond(b *testing.B, resources int) {
	b.ReportMetric(float64(resources)/b.Elapsed().Seconds(), "res/s")
}

// BenchmarkOpen makes a new store, and opens one that is there.
func BenchmarkOpen(b *testing.B) {
	cycle := func(b *testing.B, dir string) {
		f, err := Open(b.Context(), Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			cycle(b, b.TempDir())
		}
	})
	b.Run("existing", func(b *testing.B) {
		dir := b.TempDir()
		cycle(b, dir)
		for b.Loop() {
			cycle(b, dir)
		}
	})
}
