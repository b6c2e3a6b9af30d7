package peertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// TestDeclaredModelsStoreWhatTheOriginalStores draws types and JSON texts of them,
// valid ones in odd forms and some that are not, and creates a resource of each on
// both sides: payload, hash and indexed data are equal, and what the original
// refuses is refused.
func TestDeclaredModelsStoreWhatTheOriginalStores(t *testing.T) {
	p := pypeer.Start(t)
	rounds := 1
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		rounds = 20
	}
	var taken, refused, models int
	for range rounds {
		stores := map[resource.Encoding]store{resource.Msgpack: backends[0].open(t), resource.JSON: backends[2].open(t)}
		rapid.Check(t, func(rt *rapid.T) {
			g := &typeGen{t: rt}
			typ := g.structure(3, nil)
			var values [][]byte
			for range 8 {
				values = append(values, []byte(value(rt, typ)))
			}
			for _, encoding := range []string{"json", "msgpack"} {
				metas := []resource.Encoding{resource.JSON, resource.Msgpack}[models/2%2]
				models++
				c := creation{typ, fmt.Sprintf("rand%d", models), encoding, metas, values}
				ok := c.compare(t, rt, p, stores[metas])
				taken, refused = taken+ok, refused+len(values)-ok
			}
		})
	}
	t.Logf("%d payloads of %d models are equal, %d were refused by both", taken, models, refused)
	if taken < 600*rounds || refused < 100*rounds {
		t.Errorf("that says too little")
	}
}

// indexable returns paths of a type whose values metas can hold.
func indexable(typ genType) []string {
	var paths []string
	for _, f := range typ.Fields {
		name := f.Name
		if f.Attribute != "" {
			name = f.Attribute
		}
		switch f.Type.Kind {
		case "struct":
			for _, inner := range indexable(f.Type) {
				paths = append(paths, name+"."+inner)
			}
		case "any", "binary", "union", "tuple": // their values may be anything
		default:
			paths = append(paths, name)
		}
	}
	return paths
}

// creation is what both sides do: create a resource of each value in a model.
type creation struct {
	typ      genType
	name     string
	encoding string
	metas    resource.Encoding
	values   [][]byte
}

// compare does it on both sides and returns how many were taken.
func (c creation) compare(t *testing.T, rt *rapid.T, p *pypeer.Peer, s store) int {
	want := c.original(rt, p)
	d := c.typ.declaration(c.name, c.encoding)
	d.IndexedFields, d.SchemaVersion = indexable(c.typ), opt.Of("3")
	m, err := model.Compile(d)
	if err != nil {
		rt.Fatalf("%s: %v", c.spec(rt), err)
	}
	ours, err := s.catalog.DeclareModel(t.Context(), m)
	if err != nil {
		rt.Fatal(err)
	}
	taken := 0
	for i, text := range c.values {
		id := resource.ID(fmt.Sprintf("r:%d", i))
		_, err := ours.Create(t.Context(), manager.Operation{
			ResourceID: id, Data: text, User: "python", Time: time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC),
		})
		if (err != nil) != (want[i].Error != "") {
			rt.Fatalf("%s\nvalue %s\nthe original: %q, error %q\nwe: %v", c.spec(rt), text, want[i].Payload, want[i].Error, err)
		}
		if err != nil {
			if _, refused := manager.CodeOf(err); !refused {
				rt.Fatal(err)
			}
			continue
		}
		taken++
		got, err := ours.Get(t.Context(), id, manager.GetOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		if d := difference(want[i], got); d != "" {
			rt.Fatalf("%s, metas in %s\nvalue %s\n%s", c.spec(rt), c.metas, text, d)
		}
	}
	return taken
}

// spec is what the peer makes the model of.
func (c creation) spec(rt *rapid.T) json.RawMessage {
	spec, err := json.Marshal(map[string]any{
		"type": c.typ, "name": c.name, "encoding": c.encoding, "indexed": indexable(c.typ), "schema_version": "3",
	})
	if err != nil {
		rt.Fatal(err)
	}
	return spec
}

// original has the original do it.
func (c creation) original(rt *rapid.T, p *pypeer.Peer) []pypeer.Created {
	store := pypeer.Store{Kind: "memory", Encoding: c.metas}
	app, err := p.New(pypeer.Config{Declared: []json.RawMessage{c.spec(rt)}, Store: store})
	if err != nil {
		rt.Fatalf("%s: %v", c.spec(rt), err)
	}
	want, err := app.CreateJSON(c.name, c.values)
	if err = errors.Join(err, app.Close()); err != nil {
		rt.Fatal(err)
	}
	return want
}

// difference describes how a resource differs from the original's, empty when it
// does not.
func difference(want pypeer.Created, got manager.Resource) string {
	if !bytes.Equal(got.Data, want.Payload) || got.Info.DataHash.Or("") != want.Hash {
		return fmt.Sprintf("want %q\n got %q", want.Payload, got.Data)
	}
	meta, err := resource.DecodeMeta(resource.Msgpack, want.Meta)
	if err != nil {
		return err.Error()
	}
	if !bytes.Equal(meta.Append(resource.Msgpack, nil), got.Meta.Append(resource.Msgpack, nil)) {
		return fmt.Sprintf("want %s\n got %s", meta.Append(resource.JSON, nil), got.Meta.Append(resource.JSON, nil))
	}
	return ""
}
