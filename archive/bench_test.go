package archive_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/specstar-worker/worker/archive"
)

// BenchmarkRead decodes an archive of 2,000 resources with two revisions each
// to typed records.
func BenchmarkRead(b *testing.B) {
	file := plainBytes(b, "big_2000.acbak.gz")
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	records, metas := 0, 0
	for b.Loop() {
		r := archive.NewReader(bytes.NewReader(file), archive.Limits{})
		for rec, err := range r.Records() {
			if err != nil {
				b.Fatal(err)
			}
			records++
			if _, ok := rec.(archive.Meta); ok {
				metas++
			}
		}
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(metas)/b.Elapsed().Seconds(), "resources/s")
}

// BenchmarkWrite encodes the same records.
func BenchmarkWrite(b *testing.B) {
	file := plainBytes(b, "big_2000.acbak.gz")
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	var all []archive.Record
	for rec, err := range archive.NewReader(bytes.NewReader(file), archive.Limits{}).Records() {
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, rec)
	}
	for b.Loop() {
		w := archive.NewWriter(io.Discard)
		for _, rec := range all {
			if err := w.Write(rec); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(all))/b.Elapsed().Seconds(), "records/s")
}
