package manager

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/resource/payload"
)

// blobSet is a set of content-addressed blobs, in 24 bytes and a bit for each.
type blobSet struct {
	blobs []blobMarkable
	used  []uint64 // a bit for each of blobs
}

// blobMarkable is a blob of a set.
type blobMarkable struct {
	id   payload.ContentID
	size int64
}

// add adds a blob; [blobSet.seal] is due before the set is used.
func (s *blobSet) add(id payload.ContentID, size int64) {
	s.blobs = append(s.blobs, blobMarkable{id, size})
}

// seal sorts the set.
func (s *blobSet) seal() {
	slices.SortFunc(s.blobs, func(a, b blobMarkable) int { return bytes.Compare(a.id[:], b.id[:]) })
	s.used = make([]uint64, (len(s.blobs)+63)/64)
}

// find returns the place of a blob.
func (s *blobSet) find(id payload.ContentID) (int, bool) {
	return slices.BinarySearchFunc(s.blobs, id, func(b blobMarkable, id payload.ContentID) int { return bytes.Compare(b.id[:], id[:]) })
}

// holds reports whether the set has a blob of that id.
func (s *blobSet) holds(fileID string) bool {
	id, ok := payload.ParseContentID(fileID)
	if ok {
		_, ok = s.find(id)
	}
	return ok
}

// isUsed reports whether the set has a blob of that id, and it is marked.
func (s *blobSet) isUsed(fileID string) bool {
	id, ok := payload.ParseContentID(fileID)
	if !ok {
		return false
	}
	i, ok := s.find(id)
	return ok && s.used[i/64]>>(i%64)&1 == 1
}

// use marks a blob as referred to, if it is in the set.
func (s *blobSet) use(id payload.ContentID) {
	if i, ok := s.find(id); ok {
		s.used[i/64] |= 1 << (i % 64)
	}
}

// split yields those blobs that are marked, or those that are not, by id.
func (s *blobSet) split(used bool) iter.Seq[blobMarkable] {
	return func(yield func(blobMarkable) bool) {
		for i, b := range s.blobs {
			if (s.used[i/64]>>(i%64)&1 == 1) == used && !yield(b) {
				return
			}
		}
	}
}

// keepUnused reduces the set to what is not marked.
func (s *blobSet) keepUnused() {
	n := 0
	for b := range s.split(false) {
		s.blobs[n] = b
		n++
	}
	s.blobs = s.blobs[:n]
	clear(s.used)
}

func (b blobMarkable) fileID() string { return fmt.Sprintf("%x", b.id[:]) }
