package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/specstar-worker/worker/resource"
)

// joinedSource is a source that can give entries together with what they lead to.
type joinedSource interface {
	// joined calls fn with the key of each revision of resources, its info and its
	// payload, which are good until the next call, both nil where there is no content. The
	// resources come in bytewise order, the revisions of each in any. With between there
	// may be those of others that lie between the first and the last.
	joined(ctx context.Context, t tables, ids []resource.ID, between bool, fn func(k resource.RevisionKey, info, data []byte) error) error
}

// Bounds of reading revisions by one statement. All rows are held, so that no connection
// waits for whoever takes them.
const (
	joinedBytes = dumpBytes / 2 // to be expected
	joinedLeast = 16            // resources for which it is worth while, or which show how large they are
)

// joins reports whether revisions of resources are read by one statement, when they are
// small: the index has their order, and it is what is asked for.
func (d *dumper) joins(ids []resource.ID) bool {
	if !d.payloads || d.sizes == nil || !d.t.bytewise {
		return false
	}
	for i := range ids[1:] {
		if ids[i] >= ids[i+1] {
			return false
		}
	}
	return true
}

// readJoined reads revisions by one statement, of as many resources at once as may be. Page
// by page it reads those of a few, as long as it is not known how large they are, and those
// that are large.
func (d *dumper) readJoined(ctx context.Context, s joinedSource, ids []resource.ID, send func(dumpedPage) bool) error {
	for len(ids) > 0 {
		n := int(d.sizes.joined.Load())
		part := ids[:min(max(n, joinedLeast), len(ids))]
		ids = ids[len(part):]
		if n >= joinedLeast {
			rest, more, err := d.join(ctx, s, part, send)
			if err != nil || !more {
				return err
			}
			part = rest
		}
		if len(part) == 0 {
			continue
		}
		if more, err := d.readPages(ctx, part, send); err != nil || !more {
			return err
		}
		d.sizes.learn(len(part), d.bytes)
	}
	return nil
}

// join reads revisions of resources by one statement. It returns the resources that it did
// not read, since their revisions are too large, and whether more is wanted.
func (d *dumper) join(ctx context.Context, s joinedSource, ids []resource.ID, send func(dumpedPage) bool) (rest []resource.ID, more bool, err error) {
	j := joining{ids: ids, most: len(ids), page: make([]resource.Revision, 0, 2*len(ids))}
	err = s.joined(ctx, d.t, ids, d.sizes.whole.Load(), j.row)
	switch {
	case errors.Is(err, errLarge):
		rest, err = j.cut(), nil
	case errors.Is(err, errOthers):
		d.sizes.whole.Store(false)
		rest, err = j.cut(), nil
	default:
		j.close()
		d.sizes.learn(len(ids), j.size)
	}
	if len(j.page) > 0 && !send(dumpedPage{revisions: j.page}) {
		return nil, false, nil
	}
	return rest, true, err
}

// learn is told how many bytes so many resources took.
func (s *dumpSizes) learn(resources, bytes int) {
	if resources > 0 && bytes > 0 {
		s.joined.Store(int64(min(dumpResources, joinedBytes*resources/bytes)))
	}
}

// What ends a statement early.
var (
	errLarge  = errors.New("the rows take much memory")
	errOthers = errors.New("many rows are those of others")
)

// joining takes the rows of a statement.
type joining struct {
	ids  []resource.ID // that are not in the page as a whole; the first may be open
	page []resource.Revision
	size int // of the page, in bytes
	last resource.ID
	// others are the rows that were not asked for, most how many there may be.
	others, most int
	// open are the keys of one resource's revisions so far, the last of the page.
	open []resource.RevisionKey
	room arena
}

// row takes a row.
func (j *joining) row(k resource.RevisionKey, info, data []byte) error {
	if len(j.open) > 0 && j.open[0].Resource != k.Resource {
		j.close()
	}
	if k.Resource < j.last {
		return fmt.Errorf("revision %s came out of order", k.Revision)
	}
	j.last = k.Resource
	for len(j.ids) > 0 && j.ids[0] < k.Resource { // it has no revisions
		j.ids = j.ids[1:]
	}
	if len(j.ids) == 0 || j.ids[0] != k.Resource {
		if j.others++; j.others > j.most {
			return errOthers
		}
		return nil
	}
	if info == nil {
		return missingContent(k)
	}
	if j.size += len(info) + len(data); j.size > dumpBytes {
		return errLarge
	}
	rev, err := dumped(k, info, nil)
	if err != nil {
		return err
	}
	rev.Data = j.room.clone(data)
	j.page, j.open = append(j.page, rev), append(j.open, k)
	return nil
}

// close ends the open resource, if any.
func (j *joining) close() {
	if len(j.open) == 0 {
		return
	}
	if !slices.IsSortedFunc(j.open, compareKeys) {
		sort.Sort(byNumber{j.open, j.page[len(j.page)-len(j.open):]})
	}
	j.open, j.ids = j.open[:0], j.ids[1:]
}

// cut leaves the open resource out of the page and returns it with those behind it.
func (j *joining) cut() []resource.ID {
	j.page = j.page[:len(j.page)-len(j.open)]
	return j.ids
}

// byNumber sorts revisions by their keys.
type byNumber struct {
	keys      []resource.RevisionKey
	revisions []resource.Revision
}

func (b byNumber) Len() int           { return len(b.keys) }
func (b byNumber) Less(i, j int) bool { return compareKeys(b.keys[i], b.keys[j]) < 0 }
func (b byNumber) Swap(i, j int) {
	b.keys[i], b.keys[j] = b.keys[j], b.keys[i]
	b.revisions[i], b.revisions[j] = b.revisions[j], b.revisions[i]
}
