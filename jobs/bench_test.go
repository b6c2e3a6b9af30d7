package jobs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// benchSave is a save of n creations with payloads of 800 bytes.
func benchSave(n int, form jobs.Form) jobs.Envelope {
	at := time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)
	ops := make([]manager.Operation, n)
	for i := range ops {
		data := fmt.Sprintf(`{"name":"item-%d","level":%d,"team":"team-%d","body":"`, i, i%100, i%50)
		ops[i] = manager.Operation{
			Op: manager.OpCreate, ResourceID: resource.ID("item:" + uuid.NewString()), User: "importer", Time: at.Add(time.Duration(i) * time.Millisecond),
			Data: []byte(data + strings.Repeat("x", 800-len(data)-2) + `"}`),
		}
	}
	e := jobs.NewSave("item", "importer", ops...)
	e.Form = form
	return e
}

// benchSaves runs a benchmark with saves of one and of many operations in both forms, and
// reports what an operation costs.
func benchSaves(b *testing.B, run func(b *testing.B, e jobs.Envelope)) {
	for _, operations := range []int{1, 500} {
		for name, form := range map[string]jobs.Form{"json": jobs.FormJSON, "binary": jobs.FormBinary} {
			b.Run(fmt.Sprintf("%s-%d", name, operations), func(b *testing.B) {
				b.ReportAllocs()
				run(b, benchSave(operations, form))
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*operations), "ns/operation")
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	benchSaves(b, func(b *testing.B, e jobs.Envelope) {
		for b.Loop() {
			if _, err := e.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	benchSaves(b, func(b *testing.B, e jobs.Envelope) {
		message, err := e.Encode()
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := jobs.Decode(message); err != nil {
				b.Fatal(err)
			}
		}
	})
}
