package manager

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// cargo is a chunk that was read: whole resources, or blobs.
type cargo struct {
	no        int
	model     string
	metas     []resource.Meta
	revisions map[resource.ID][]resource.Revision
	places    map[resource.ID]map[resource.RevisionKey]int // see find
	count     int64                                        // of revisions
	blobs     []archive.Blob
	began     time.Time // when it was read
}

// digest returns the digest of the metas and revisions.
func (g *cargo) digest() Digest {
	var of digester
	var sum Digest
	for i := range g.metas {
		sum = sum.Add(of.meta(&g.metas[i]))
		revs := g.revisions[g.metas[i].ResourceID]
		for j := range revs {
			sum = sum.Add(of.revision(&revs[j]))
		}
	}
	return sum
}

// refs names the resources of the cargo.
func (g *cargo) refs() []storage.Ref {
	refs := make([]storage.Ref, len(g.metas))
	for i := range g.metas {
		refs[i] = storage.Ref{Model: g.model, ID: g.metas[i].ResourceID}
	}
	return refs
}

// blobIDs names the blobs of the cargo.
func (g *cargo) blobIDs() []string {
	ids := make([]string, len(g.blobs))
	for i := range g.blobs {
		ids[i] = g.blobs[i].FileID
	}
	return ids
}

// allWrites writes everything as it is in the archive, by ascending id: so stores need
// not sort revisions, which are many and large.
func (g *cargo) allWrites() storage.ModelWrites {
	g.sort()
	w := storage.ModelWrites{Metas: g.metas, Blobs: g.blobIDs()}
	if g.count > 0 {
		w.Revisions = make([]resource.Revision, 0, g.count)
	}
	for i := range g.metas {
		w.Revisions = append(w.Revisions, g.revisions[g.metas[i].ResourceID]...)
	}
	return w
}

// sort sorts the metas by id. It moves each of them once: they are large.
func (g *cargo) sort() {
	byID := func(a, b *resource.Meta) int { return strings.Compare(string(a.ResourceID), string(b.ResourceID)) }
	places := make([]*resource.Meta, len(g.metas))
	for i := range g.metas {
		places[i] = &g.metas[i]
	}
	if slices.IsSortedFunc(places, byID) {
		return
	}
	slices.SortFunc(places, byID)
	sorted := make([]resource.Meta, len(places))
	for i, m := range places {
		sorted[i] = *m
	}
	g.metas = sorted
}

// allStats counts everything as loaded.
func (g *cargo) allStats() LoadStats {
	s := g.blobStats()
	s.Loaded, s.Total = int64(len(g.metas)), int64(len(g.metas))
	for i := range g.metas {
		s = s.add(revisionStats(g.revisions[g.metas[i].ResourceID]))
	}
	return s
}

// blobStats counts the blobs.
func (g *cargo) blobStats() LoadStats {
	s := LoadStats{Blobs: int64(len(g.blobs))}
	for i := range g.blobs {
		s.Bytes += int64(len(g.blobs[i].Data))
	}
	return s
}

// revisionStats counts revisions.
func revisionStats(revs []resource.Revision) LoadStats {
	s := LoadStats{Revisions: int64(len(revs))}
	for i := range revs {
		s.Bytes += int64(len(revs[i].Data))
	}
	return s
}

// read reads a chunk of the archive. Repeats of a revision are folded.
func (l *loader) read(no int) (*cargo, error) {
	ch := &l.plan.chunks[no]
	g := &cargo{no: no, model: ch.model, began: time.Now(), revisions: make(map[resource.ID][]resource.Revision, ch.resources)}
	for _, f := range ch.spans() {
		for rec, err := range archive.ReadAt(l.src, f.offset, f.offset+f.size, l.opts.Limits) {
			if err != nil {
				return nil, fmt.Errorf("read chunk %d of the archive: %w", no, err)
			}
			if err := g.take(rec, ch.blobs); err != nil {
				return nil, fmt.Errorf("read chunk %d of the archive: %w", no, err)
			}
		}
	}
	if int64(len(g.metas)) != ch.resources {
		return nil, fmt.Errorf("read chunk %d: %w", no, errChanged)
	}
	return g, nil
}

// take adds a record that belongs to the chunk.
func (g *cargo) take(rec archive.Record, blobs bool) error {
	switch rec := rec.(type) {
	case archive.Meta:
		g.metas = append(g.metas, rec.Meta)
	case archive.Revision:
		return g.addRevision(rec.Revision)
	case archive.Blob:
		if blobs {
			g.blobs = append(g.blobs, rec)
		}
	}
	return nil
}

// addRevision adds a revision; an equal one is folded, another one under the
// same key is an error.
func (g *cargo) addRevision(rev resource.Revision) error {
	id, key := rev.Info.ResourceID, rev.Info.Key()
	have := g.revisions[id]
	if i := g.find(have, key); i >= 0 {
		if have[i].Info.UID != rev.Info.UID || !bytes.Equal(have[i].Data, rev.Data) {
			return fmt.Errorf("revision %s is there twice with other content", rev.Info.RevisionID)
		}
		return nil
	}
	if places := g.places[id]; places != nil {
		places[key] = len(have)
	}
	g.revisions[id] = append(have, rev)
	g.count++
	return nil
}

// manyRevisions is from how many revisions of a resource on their places are kept
// in a map; comparing with each is quicker for fewer.
const manyRevisions = 32

// find returns the place of a key among the revisions of its resource, -1 for none.
func (g *cargo) find(have []resource.Revision, key resource.RevisionKey) int {
	if len(have) < manyRevisions {
		return slices.IndexFunc(have, func(r resource.Revision) bool { return r.Info.Key() == key })
	}
	places := g.places[key.Resource]
	if places == nil {
		places = make(map[resource.RevisionKey]int)
		for i := range have {
			places[have[i].Info.Key()] = i
		}
		if g.places == nil {
			g.places = make(map[resource.ID]map[resource.RevisionKey]int)
		}
		g.places[key.Resource] = places
	}
	if i, ok := places[key]; ok {
		return i
	}
	return -1
}

// each reads the chunks with the given numbers in order and hands them to do,
// reading the next one meanwhile.
func (l *loader) each(ctx context.Context, nos []int, do func(context.Context, *cargo) error) error {
	g, ctx := errgroup.WithContext(ctx)
	next := make(chan *cargo, 1)
	g.Go(guarded(func() error {
		defer close(next)
		for _, no := range nos {
			cg, err := l.read(no)
			if err != nil {
				return err
			}
			select {
			case next <- cg:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}))
	g.Go(guarded(func() error {
		for cg := range next {
			if err := do(ctx, cg); err != nil {
				return err
			}
		}
		return nil
	}))
	return g.Wait()
}
