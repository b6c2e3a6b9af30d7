package outer

import (
	"context"
	"iter"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/storage"
)

// Contents are read in pages of so many, or of about so many bytes.
const (
	PageSize  = 200
	PageBytes = 8 << 20
)

// Contents returns the contents of one model of a medium. One that has no info yet is
// still being written, or never was.
func Contents(ctx context.Context, m storage.ModelMedium) iter.Seq2[storage.Content, error] {
	return func(yield func(storage.Content, error) bool) {
		for uids, err := range pages(m.Contents(ctx)) {
			var page []storage.Content
			if err == nil {
				page, err = m.Read(ctx, uids)
			}
			if err != nil {
				yield(storage.Content{}, err)
				return
			}
			for _, c := range page {
				if c.Info != nil && !yield(c, nil) {
					return
				}
			}
		}
	}
}

// pages groups the uids of contents.
func pages(contents iter.Seq2[storage.StoredContent, error]) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		var page []string
		var bytes int64
		for c, err := range contents {
			if err != nil {
				yield(nil, err)
				return
			}
			page, bytes = append(page, c.UID), bytes+c.Bytes
			if len(page) < PageSize && bytes < PageBytes {
				continue
			}
			if !yield(page, nil) {
				return
			}
			page, bytes = nil, 0
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}

// UIDs remembers uids by a hash: two uids that share one by chance are taken for one
// another, and a payload that could have been swept stays.
type UIDs []uint64

// Add adds a uid.
func (s *UIDs) Add(uid string) { *s = append(*s, xxh3.HashString(uid)) }

// Has reports whether a uid was added. It needs a sorted set.
func (s UIDs) Has(uid string) bool {
	_, found := slices.BinarySearch(s, xxh3.HashString(uid))
	return found
}
