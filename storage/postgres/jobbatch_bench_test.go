package postgres

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// settled returns final rows as a batch of saves has them.
func settled(n int) []storage.Job {
	queue, at := uuid.New(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	list := make([]storage.Job, n)
	for i := range list {
		id := uuid.New()
		hash := sha256.Sum256(id[:])
		list[i] = storage.Job{
			ID: id, Text: id.String(), Kind: "save", Model: "person", Lane: "normal", User: "alice", State: storage.JobDone, Attempt: 1,
			EnvelopeHash: hash[:], Queue: queue, Subject: "specstar.ns.jobs.normal.save", Created: at.Add(time.Duration(i) * time.Millisecond),
			Outcome: fmt.Appendf(nil, `{"resource_id":"person:%s","revision_id":"person:%s:1"}`, id, id),
		}
	}
	return list
}

// BenchmarkJobParams is the client's work for one row of a batch of 1000.
func BenchmarkJobParams(b *testing.B) {
	list := settled(1000)
	b.ReportAllocs()
	for b.Loop() {
		jobParams(jobColumns, 1, inOrder(list))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
}

// BenchmarkSettle is client and server for one row of a batch of 1000.
func BenchmarkSettle(b *testing.B) {
	f := openTest(b)
	for b.Loop() {
		b.StopTimer()
		list := settled(1000)
		b.StartTimer()
		if err := f.Ledger().Settle(b.Context(), list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
}
