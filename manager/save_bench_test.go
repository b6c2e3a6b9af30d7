package manager_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// BenchmarkSaveJobs measures 500 creations of resources of 800 bytes, in one job and in
// one each, into a store in memory.
func BenchmarkSaveJobs(b *testing.B) {
	const operations = 500
	for _, each := range []int{1, operations} {
		b.Run(fmt.Sprintf("of-%d", each), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				c := manager.NewCatalog(memory.New(), nil, manager.Options{})
				m, err := c.Declare(b.Context(), storage.ModelInfo{Name: "item", Encoding: resource.JSON, IndexedPaths: []string{"level", "name", "team"}})
				if err != nil {
					b.Fatal(err)
				}
				jobs := benchJobs(operations, each)
				b.StartTimer()
				if _, err := m.SaveJobs(b.Context(), jobs); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*operations), "ns/operation")
		})
	}
}

// benchJobs returns n creations as jobs of so many operations each.
func benchJobs(n, each int) []manager.SaveJob {
	at := time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)
	queue := uuid.New()
	var jobs []manager.SaveJob
	for i := range n {
		if i%each == 0 {
			id := uuid.New()
			jobs = append(jobs, manager.SaveJob{
				Row: storage.Job{ID: id, Text: id.String(), Kind: "save", Model: "item", Created: at}, First: true,
				From: storage.Origin{Queue: queue, Epoch: 1, Sequence: uint64(i + 1)},
			})
		}
		data := fmt.Sprintf(`{"name":"item-%d","level":%d,"team":"team-%d","body":"`, i, i%100, i%50)
		last := &jobs[len(jobs)-1]
		last.Operations = append(last.Operations, manager.Operation{
			Op: manager.OpCreate, ResourceID: resource.ID("item:" + uuid.NewString()), User: "importer", Time: at,
			Data: []byte(data + strings.Repeat("x", 800-len(data)-2) + `"}`),
		})
	}
	return jobs
}
