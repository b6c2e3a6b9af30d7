package manager

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// frame is the place of a record in an archive; size includes the length field.
type frame struct{ offset, size int64 }

// The marks are what a checking pass remembers of each record: 64-bit hashes
// and the place. Equal hashes are only a suspicion, which is settled by reading
// both records again.
type (
	metaMark struct {
		id, current uint64 // resource; key of the current revision
		frame       frame
		section     int32
	}
	revisionMark struct {
		id, key, content uint64
		frame            frame
		section          int32
	}
	blobMark struct {
		id, content uint64
		frame       frame
		section     int32
	}
)

// idHash makes the hashes of marks. The seed is new for each pass, so that no
// archive can be built to collide.
type idHash struct{ seed uint64 }

func newIDHash() idHash { return idHash{seed: rand.Uint64()} }

func (h idHash) bytes(b []byte) uint64    { return xxh3.HashSeed(b, h.seed) }
func (h idHash) id(id resource.ID) uint64 { return xxh3.HashStringSeed(string(id), h.seed) }
func (h idHash) key(k resource.RevisionKey) uint64 {
	version, ok := k.SchemaVersion.Get()
	sum := xxh3.HashStringSeed(string(k.Revision), h.seed) ^ h.id(k.Resource)*3
	if ok {
		sum ^= xxh3.HashStringSeed(version, h.seed+1) * 5
	}
	return sum
}

// modelCheck is what a pass knows of one model over all its sections.
type modelCheck struct {
	name      string
	metas     []metaMark
	revisions []revisionMark
	// encoding is that of the first payload; keys are those of all indexed data.
	encoding resource.Encoding
	keys     map[string]bool
}

func newModelCheck(name string) *modelCheck {
	return &modelCheck{name: name, keys: make(map[string]bool)}
}

// learn notes the keys of a meta's indexed data.
func (m *modelCheck) learn(meta *resource.Meta) {
	x, ok := meta.IndexedData.Get()
	if !ok {
		return
	}
	for key := range x.All() {
		if !m.keys[key] {
			m.keys[key] = true
		}
	}
}

// info is the model as the archive shows it.
func (m *modelCheck) info() storage.ModelInfo {
	return storage.ModelInfo{Name: m.name, Encoding: m.encoding, IndexedPaths: slices.Sorted(maps.Keys(m.keys))}
}

// blobRef is the first reference to a blob.
type blobRef struct {
	fileID string
	model  string
	id     resource.ID
	offset int64
}

// missing is the note about a reference that leads nowhere.
func (r blobRef) missing() Problem {
	return Problem{
		Code: CodeBlobMissing, Offset: r.offset, Model: r.model, ResourceID: r.id,
		Message: fmt.Sprintf("blob %.80s of resource %s is nowhere", r.fileID, r.id),
	}
}

// bad returns the error about a record of the section.
func (s *section) bad(code string, f frame, id resource.ID, format string, args ...any) error {
	return &archive.Error{Code: code, Offset: f.offset, Err: &recordError{
		model: s.model.name, id: id, message: fmt.Sprintf("model %s: ", s.model.name) + fmt.Sprintf(format, args...),
	}}
}
