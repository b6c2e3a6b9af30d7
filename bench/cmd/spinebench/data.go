package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/examples/goapi"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// input names an archive to work on.
type input int

const (
	items input = iota // generated, fat: one revision of 800 bytes each
	goAPI              // the data set of package goapi, lean: two revisions each
)

// archiveFile is an archive on the shared scratch.
type archiveFile struct {
	path      string
	resources int
	bytes     int64
}

// makeInputs writes both archives to dir.
func makeInputs(dir string, resources int) (map[input]archiveFile, error) {
	fat := archiveFile{path: filepath.Join(dir, "items.acbak"), resources: resources}
	size, err := makeArchive(fat.path, resources)
	if err != nil {
		return nil, err
	}
	fat.bytes = size
	lean, err := unpackGoAPI(filepath.Join(dir, "goapi.acbak"))
	return map[input]archiveFile{items: fat, goAPI: lean}, err
}

// unpackGoAPI writes the data set of package goapi as a plain archive.
func unpackGoAPI(path string) (a archiveFile, err error) {
	z, err := zstd.NewReader(nil)
	if err != nil {
		return a, err
	}
	defer z.Close()
	plain, err := z.DecodeAll(goapi.Archive(), nil)
	if err != nil {
		return a, err
	}
	a = archiveFile{path: path, bytes: int64(len(plain))}
	for rec, err := range archive.NewReader(bytes.NewReader(plain), archive.Limits{}).Records() {
		if err != nil {
			return a, err
		}
		if _, ok := rec.(archive.Meta); ok {
			a.resources++
		}
	}
	return a, os.WriteFile(path, plain, 0o600)
}

// model is the one model of the generated archive: name, level, team, body.
const model = "item"

// bodyBytes makes a payload of about 800 bytes and a resource of about 1.6 KB.
const bodyBytes = 730

// makeArchive writes an archive of n resources with one revision each and three
// indexed fields, the same for every run, and returns its size.
func makeArchive(path string, n int) (size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := archive.NewWriter(buffered)
	g := generator{rng: rand.New(rand.NewPCG(1, 2))}
	for rec, err := range g.records(n) {
		if err != nil {
			return 0, err
		}
		if err := w.Write(rec); err != nil {
			return 0, err
		}
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return w.Written(), buffered.Flush()
}

// generator makes resources from a seeded source.
type generator struct{ rng *rand.Rand }

func (g generator) records(n int) func(yield func(archive.Record, error) bool) {
	return func(yield func(archive.Record, error) bool) {
		if !yield(archive.Header{Version: archive.Version}, nil) || !yield(archive.ModelStart{Model: model}, nil) {
			return
		}
		for i := range n {
			meta, rev, err := g.item(i)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(archive.Meta{Meta: meta}, nil) || !yield(archive.Revision{Revision: rev}, nil) {
				return
			}
		}
		if yield(archive.ModelEnd{Model: model}, nil) {
			yield(archive.EOF{}, nil)
		}
	}
}

// item makes the i-th resource as the original would have created it.
func (g generator) item(i int) (resource.Meta, resource.Revision, error) {
	id := resource.ID(model + ":" + g.uuid().String())
	name, level, team := fmt.Sprintf("item-%d", i), i%100, fmt.Sprintf("t%d", i%50)
	data := fmt.Appendf(nil, `{"name":%q,"level":%d,"team":%q,"body":"%s"}`, name, level, team, g.text(bodyBytes))
	indexed, err := resource.NewIndexed(map[string]any{"name": name, "level": level, "team": team})
	if err != nil {
		return resource.Meta{}, resource.Revision{}, err
	}
	at := time.Date(2024, 3, 1, 8, 0, 0, 123456000, time.UTC).Add(time.Duration(i) * time.Second)
	info := resource.RevisionInfo{
		UID: g.uuid(), ResourceID: id, RevisionID: id.Revision(1),
		DataHash: opt.Of(resource.DataHash(data)), Status: resource.Stable,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "importer", UpdatedBy: "importer",
	}
	meta := resource.Meta{
		CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: 1,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "importer", UpdatedBy: "importer",
		IndexedData: opt.Of(indexed), Rev: resource.RevMetaOf(info),
	}
	return meta, resource.Revision{Info: info, Data: data}, nil
}

// uuid returns a version 4 UUID, as the original's ids and uids are.
func (g generator) uuid() uuid.UUID {
	var u uuid.UUID
	for i := range u {
		u[i] = byte(g.rng.Uint32())
	}
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

// text returns n letters, digits and spaces.
func (g generator) text(n int) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789   "
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[g.rng.IntN(len(letters))]
	}
	return b
}
