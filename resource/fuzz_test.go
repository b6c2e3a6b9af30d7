package resource_test

import (
	"bytes"
	"testing"

	"github.com/specstar-worker/worker/resource"
)

// encodingOf picks an encoding by the input, so that one corpus serves both.
func encodingOf(b []byte) resource.Encoding {
	if len(b) > 0 && (b[0] == '{' || b[0] <= ' ') {
		return resource.JSON
	}
	return resource.Msgpack
}

// FuzzDecodeMeta checks that what is decoded is written in a stable form.
func FuzzDecodeMeta(f *testing.F) {
	m := sampleMeta()
	f.Add(m.Append(resource.JSON, nil))
	f.Add(m.Append(resource.Msgpack, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := resource.DecodeMeta(encodingOf(b), b)
		if err != nil {
			return
		}
		for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
			once := m.Append(enc, nil)
			back, err := resource.DecodeMeta(enc, once)
			if err != nil {
				t.Fatalf("%q: %v", once, err)
			}
			if again := back.Append(enc, nil); !bytes.Equal(again, once) {
				t.Fatalf("%q became %q", once, again)
			}
		}
	})
}

// FuzzDecodeRevisionInfo is FuzzDecodeMeta for infos.
func FuzzDecodeRevisionInfo(f *testing.F) {
	i := sampleInfo()
	f.Add(i.Append(resource.JSON, nil))
	f.Add(i.Append(resource.Msgpack, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := resource.DecodeRevisionInfo(encodingOf(b), b)
		if err != nil {
			return
		}
		for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
			once := i.Append(enc, nil)
			back, err := resource.DecodeRevisionInfo(enc, once)
			if err != nil {
				t.Fatalf("%q: %v", once, err)
			}
			if again := back.Append(enc, nil); !bytes.Equal(again, once) {
				t.Fatalf("%q became %q", once, again)
			}
		}
	})
}
