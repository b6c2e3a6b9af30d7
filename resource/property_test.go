package resource_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// maybe draws an unset value half of the time.
func maybe[T any](t *rapid.T, name string, g *rapid.Generator[T]) opt.Value[T] {
	if rapid.Bool().Draw(t, name+" is set") {
		return opt.Of(g.Draw(t, name))
	}
	return opt.Value[T]{}
}

// times draws instants in whole microseconds: UTC, naive or with an offset.
func times() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		sec := rapid.Int64Range(-62135510400, 253402214400).Draw(t, "seconds")
		at := time.Unix(sec, 1000*rapid.Int64Range(0, 999_999).Draw(t, "microseconds"))
		switch rapid.IntRange(0, 2).Draw(t, "zone") {
		case 0:
			return at.UTC()
		case 1:
			return at.In(resource.Naive)
		}
		minutes := rapid.IntRange(1, 23*60+59).Draw(t, "offset") * rapid.SampledFrom([]int{-1, 1}).Draw(t, "sign")
		return at.In(time.FixedZone("", minutes*60))
	})
}

func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "person:p1", "\x00\x1f\"\\/\u2028", "日本語🐉"}))
}

// values draws what indexed data may hold; JSON also what JSON gives back alike.
func values(forJSON bool, depth int) *rapid.Generator[any] {
	gens := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.StringN(0, 8, -1).AsAny(),
		rapid.Uint64Min(1 << 63).AsAny(), rapid.Float64().AsAny(),
	}
	if !forJSON {
		gens = append(gens, rapid.SliceOf(rapid.Byte()).AsAny(),
			rapid.Map(times(), func(at time.Time) any { return at.UTC() }))
	}
	if depth > 0 {
		gens = append(gens, rapid.SliceOfN(values(forJSON, depth-1), 0, 20).AsAny(),
			rapid.MapOfN(rapid.StringN(0, 4, -1), values(forJSON, depth-1), 0, 20).AsAny())
	}
	return rapid.OneOf(gens...)
}

func indexed(forJSON bool) *rapid.Generator[resource.Indexed] {
	return rapid.Map(rapid.MapOfN(texts(), values(forJSON, 2), 0, 20), func(m map[string]any) resource.Indexed {
		x, err := resource.NewIndexed(m)
		if err != nil {
			panic(err)
		}
		return x
	})
}

func drawMeta(t *rapid.T, forJSON bool) resource.Meta {
	str, at := texts(), times()
	status := rapid.SampledFrom([]resource.Status{resource.Draft, resource.Stable})
	return resource.Meta{
		CurrentRevisionID:  resource.RevisionID(str.Draw(t, "current")),
		ResourceID:         resource.ID(str.Draw(t, "id")),
		SchemaVersion:      maybe(t, "schema", str),
		TotalRevisionCount: rapid.IntMin(0).Draw(t, "count"),
		CreatedTime:        at.Draw(t, "created"),
		UpdatedTime:        at.Draw(t, "updated"),
		CreatedBy:          str.Draw(t, "created by"),
		UpdatedBy:          str.Draw(t, "updated by"),
		IsDeleted:          rapid.Bool().Draw(t, "deleted"),
		IndexedData:        maybe(t, "indexed", indexed(forJSON)),
		Rev: resource.RevMeta{
			Status: maybe(t, "rev status", status), CreatedBy: maybe(t, "rev created by", str), UpdatedBy: maybe(t, "rev updated by", str),
			CreatedTime: maybe(t, "rev created", at), UpdatedTime: maybe(t, "rev updated", at),
		},
	}
}

func drawInfo(t *rapid.T) resource.RevisionInfo {
	str, at := texts(), times()
	var parent opt.Value[*string]
	switch rapid.IntRange(0, 2).Draw(t, "parent schema state") {
	case 1:
		parent = opt.Of[*string](nil)
	case 2:
		s := str.Draw(t, "parent schema")
		parent = opt.Of(&s)
	}
	return resource.RevisionInfo{
		UID:                 uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uid")),
		ResourceID:          resource.ID(str.Draw(t, "id")),
		RevisionID:          resource.RevisionID(str.Draw(t, "revision")),
		ParentRevisionID:    maybe(t, "parent", rapid.Map(str, func(s string) resource.RevisionID { return resource.RevisionID(s) })),
		ParentSchemaVersion: parent,
		SchemaVersion:       maybe(t, "schema", str),
		DataHash:            maybe(t, "hash", str),
		Status:              rapid.SampledFrom([]resource.Status{resource.Draft, resource.Stable}).Draw(t, "status"),
		CreatedTime:         at.Draw(t, "created"),
		UpdatedTime:         at.Draw(t, "updated"),
		CreatedBy:           str.Draw(t, "created by"),
		UpdatedBy:           str.Draw(t, "updated by"),
	}
}

func TestMetaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		enc := rapid.SampledFrom([]resource.Encoding{resource.JSON, resource.Msgpack}).Draw(t, "encoding")
		m := drawMeta(t, enc == resource.JSON)
		b := m.Append(enc, nil)
		back, err := resource.DecodeMeta(enc, b)
		if err != nil {
			t.Fatalf("%v in %q", err, b)
		}
		if again := back.Append(enc, nil); !bytes.Equal(again, b) {
			t.Fatalf("%q became %q", b, again)
		}
		if m.IndexedData != back.IndexedData || m.Rev.Status != back.Rev.Status || !m.CreatedTime.Equal(back.CreatedTime) {
			t.Fatalf("%+v became %+v", m, back)
		}
	})
}

func TestRevisionInfoRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		enc := rapid.SampledFrom([]resource.Encoding{resource.JSON, resource.Msgpack}).Draw(t, "encoding")
		info := drawInfo(t)
		b := info.Append(enc, nil)
		back, err := resource.DecodeRevisionInfo(enc, b)
		if err != nil {
			t.Fatalf("%v in %q", err, b)
		}
		if again := back.Append(enc, nil); !bytes.Equal(again, b) {
			t.Fatalf("%q became %q", b, again)
		}
		back.CreatedTime, back.UpdatedTime = info.CreatedTime, info.UpdatedTime
		if !reflect.DeepEqual(back, info) {
			t.Fatalf("%+v became %+v", info, back)
		}
	})
}
