package payload_test

import (
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

func BenchmarkCanonical(b *testing.B) {
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		b.Run(string(enc), func(b *testing.B) {
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := payload.Canonical(enc, []byte(document)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExtract(b *testing.B) {
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	paths := []string{"name", "age", "address.city"}
	for b.Loop() {
		if _, err := payload.Extract([]byte(document), paths); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBinariesOfNone(b *testing.B) {
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		payload.Binaries([]byte(document))
	}
}

func BenchmarkPatch(b *testing.B) {
	p, err := payload.ParsePatch([]byte(`[{"op":"test","path":"/age","value":7},{"op":"replace","path":"/address/city","value":"Tainan"},{"op":"add","path":"/tags/-","value":"b"}]`))
	if err != nil {
		b.Fatal(err)
	}
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		stored, err := payload.Canonical(enc, []byte(document))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(enc), func(b *testing.B) {
			b.SetBytes(int64(len(stored)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Apply(stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
