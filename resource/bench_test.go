package resource_test

import (
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// benchMeta is a meta as live rows have it: five indexed fields and all rev_*.
func benchMeta(b *testing.B) resource.Meta {
	x, err := resource.NewIndexed(map[string]any{
		"name": "Ada", "age": 36, "level": "high", "address.city": nil, "tags": []any{"a", "b"},
	})
	if err != nil {
		b.Fatal(err)
	}
	m := sampleMeta()
	m.IndexedData = opt.Of(x)
	m.Rev = resource.RevMetaOf(sampleInfo())
	return m
}

func BenchmarkDecodeMeta(b *testing.B) {
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		b.Run(string(enc), func(b *testing.B) {
			data := benchMeta(b).Append(enc, nil)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := resource.DecodeMeta(enc, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendMeta(b *testing.B) {
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		b.Run(string(enc), func(b *testing.B) {
			m := benchMeta(b)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = m.Append(enc, buf[:0])
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}
