package manager

import (
	"sync"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// recordFacts is what a record shows by itself. It is found out where frames are decoded,
// on all processors; what records are to each other is found out in their order.
type recordFacts struct {
	// bad is what is wrong with a revision or a blob, nil for nothing.
	bad *contentError
	// stale: a revision has the hash of the payload before its migration.
	stale bool
	// id is the hash of the resource or blob, key that of the revision, or of a meta's
	// current one, content that of a revision or blob.
	id, key, content uint64
	// digest is that of a meta or revision.
	digest Digest
	// binaries are the blobs that a payload refers to.
	binaries []resource.Binary
}

// factsRoom is for how many records facts are made at once: they are needed for a moment,
// and there are as many as records.
const factsRoom = 128

// factsMaker makes facts in memory that is used again, for one goroutine at a time.
type factsMaker struct {
	digester
	room []recordFacts
}

// next returns empty facts.
func (m *factsMaker) next() *recordFacts {
	if len(m.room) == 0 {
		m.room = make([]recordFacts, factsRoom)
	}
	f := &m.room[0]
	m.room = m.room[1:]
	return f
}

// factsMakers are as many as goroutines need.
type factsMakers struct{ pool sync.Pool }

func (p *factsMakers) take() *factsMaker {
	if m, ok := p.pool.Get().(*factsMaker); ok {
		return m
	}
	return new(factsMaker)
}

// factsOf finds out what a record shows by itself. It is called by several goroutines.
func (ck *checker) factsOf(rec archive.Record) any {
	m := ck.makers.take()
	defer ck.makers.pool.Put(m)
	switch rec := rec.(type) {
	case archive.Meta:
		return ck.metaFacts(m, &rec.Meta)
	case archive.Revision:
		return ck.revisionFacts(m, &rec.Revision)
	case archive.Blob:
		return &recordFacts{bad: checkBlob(&rec), id: ck.hash.bytes([]byte(rec.FileID)), content: ck.hash.bytes(rec.Data)}
	}
	return nil
}

func (ck *checker) metaFacts(m *factsMaker, meta *resource.Meta) *recordFacts {
	f := m.next()
	f.id, f.key, f.digest = ck.hash.id(meta.ResourceID), ck.hash.key(currentKey(*meta)), m.meta(meta)
	return f
}

func (ck *checker) revisionFacts(m *factsMaker, rev *resource.Revision) *recordFacts {
	f := m.next()
	if f.bad = checkRevision(rev); f.bad != nil {
		return f
	}
	f.stale = ck.noteStale && hasStaleHash(rev)
	f.id, f.key = ck.hash.id(rev.Info.ResourceID), ck.hash.key(rev.Info.Key())
	f.digest = m.revision(rev) // leaves the encoded info
	f.content = ck.hash.bytes(rev.Data) ^ ck.hash.bytes(m.scratch)
	f.binaries = payload.Binaries(rev.Data)
	return f
}
