package s3

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/specstar-worker/worker/resource"
)

const (
	// scanBatch is how many resources are looked for together.
	scanBatch = 1000
	// scanHeld is how many keys may wait for those of resources before them, about.
	scanHeld = 1 << 14
	// scanLeast is how many resources a page must tell of: fewer are listed one by
	// one, many at a time and without the entries of others.
	scanLeast = 8
	// scanPause is how many are listed one by one before the next page is tried.
	scanPause = 64
)

// group is a resource and the keys of its entries.
type group struct {
	id   resource.ID
	keys []resource.RevisionKey
	// known: keys are all. alone: the resource is to be listed by itself. Neither as
	// long as a scan goes on.
	known, alone bool
}

func (g *group) settled() bool { return g == nil || g.known || g.alone }

// groups lists resources in the order of ids. Ids that are close to each other among
// the model's are found by listing the range, of which one page tells a thousand keys.
func (m *modelRevisions) groups(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		for batch, err := range batches(checked(ctx, ids)) {
			if err != nil {
				yield(group{}, err)
				return
			}
			s := m.scan(batch)
			for _, id := range batch {
				g, err := s.next(ctx, id)
				if !yield(g, err) || err != nil {
					return
				}
			}
		}
	}
}

// batches yields ids in parts in which each comes once.
func batches(ids iter.Seq2[resource.ID, error]) iter.Seq2[[]resource.ID, error] {
	return func(yield func([]resource.ID, error) bool) {
		var batch []resource.ID
		seen := map[resource.ID]bool{}
		for id, err := range ids {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(batch) == scanBatch || seen[id] {
				if !yield(batch, nil) {
					return
				}
				batch = nil
				clear(seen)
			}
			batch = append(batch, id)
			seen[id] = true
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// scan looks for the resources of a batch in pages of the model's listing. It skips
// what is between them. It trusts that the keys of a resource come together, and not
// that they come in order, since services over file systems have their own: what
// seems to be missing is listed by itself, unless the listing came to its end.
type scan struct {
	m      *modelRevisions
	groups map[resource.ID]*group // that were not taken
	dirs   []string               // "ID/" of those that are not settled, and others, in the order of keys
	open   *group                 // whose keys may go on in the page at token
	token  *string
	held   int // keys in groups
}

func (m *modelRevisions) scan(ids []resource.ID) *scan {
	s := &scan{m: m, groups: make(map[resource.ID]*group, len(ids))}
	for _, id := range ids {
		_, err := m.resourceKey(id)
		g := &group{id: id, alone: err != nil || len(ids) < scanLeast}
		s.groups[id] = g
		if !g.alone {
			s.dirs = append(s.dirs, string(id)+"/")
		}
	}
	slices.Sort(s.dirs)
	return s
}

// next takes a resource out of the scan, which reads on until it knows of it.
func (s *scan) next(ctx context.Context, id resource.ID) (group, error) {
	g := s.groups[id]
	for !g.settled() {
		if s.held >= scanHeld && s.open != g {
			g.alone = true
			break
		}
		if err := s.read(ctx); err != nil {
			return group{}, err
		}
	}
	delete(s.groups, id)
	s.held -= len(g.keys)
	return *g, nil
}

// read reads a page, the next one of a resource that goes on there or that in which
// the next one should be.
func (s *scan) read(ctx context.Context) error {
	s.trim()
	in := &awss3.ListObjectsV2Input{Bucket: &s.m.s.cfg.Bucket, Prefix: &s.m.index}
	if s.open != nil {
		in.ContinuationToken = s.token
	} else {
		in.StartAfter = aws.String(s.m.index + s.dirs[0])
	}
	out, err := s.m.s.page(ctx, in)
	switch {
	case err != nil && s.m.s.cfg.ReadOnly && errors.Is(err, errNoBucket):
		out = &awss3.ListObjectsV2Output{}
	case err != nil:
		return err
	}
	last, wanted, known := s.collect(out)
	if !aws.ToBool(out.IsTruncated) {
		s.end()
		return nil
	}
	next := aws.ToString(out.NextContinuationToken)
	if next == "" || next == aws.ToString(in.ContinuationToken) {
		return errStuck
	}
	s.token = &next
	s.pass(last)
	if known < scanLeast && 2*wanted <= len(out.Contents) {
		s.pause()
	}
	return nil
}

// collect takes the keys that are wanted out of a page. It returns the last key, how
// many are wanted, and of how many resources all are known now.
func (s *scan) collect(out *awss3.ListObjectsV2Output) (last string, wanted, known int) {
	for _, o := range out.Contents {
		key, ok := strings.CutPrefix(aws.ToString(o.Key), s.m.index)
		id, rest, isDir := strings.Cut(key, "/")
		if !ok || !isDir {
			continue
		}
		last = key
		if s.open != nil && string(s.open.id) != id {
			s.open.known, s.open = true, nil
			known++
		}
		g := s.groups[resource.ID(id)]
		if g.settled() {
			continue
		}
		s.open = g
		wanted++
		if k, ok := parseEntry(g.id, rest); ok {
			g.keys = append(g.keys, k)
			s.held++
		}
	}
	return last, wanted, known
}

// trim drops what is settled from the front of dirs.
func (s *scan) trim() {
	for len(s.dirs) > 0 && s.group(s.dirs[0]).settled() {
		s.dirs = s.dirs[1:]
	}
}

func (s *scan) group(dir string) *group { return s.groups[resource.ID(strings.TrimSuffix(dir, "/"))] }

// end settles everything: no key comes after the page.
func (s *scan) end() {
	for _, dir := range s.dirs {
		if g := s.group(dir); !g.settled() {
			g.known = true
		}
	}
	s.open, s.dirs = nil, nil
}

// pass settles what should have come before a key.
func (s *scan) pass(key string) {
	for _, dir := range s.dirs {
		if dir > key {
			return
		}
		if g := s.group(dir); !g.settled() && g != s.open {
			g.alone = true
		}
	}
}

// pause settles the next ones, which are far from each other.
func (s *scan) pause() {
	s.trim()
	n := 0
	for _, dir := range s.dirs {
		g := s.group(dir)
		if g.settled() {
			continue
		}
		if n == scanPause {
			break
		}
		n++
		s.held -= len(g.keys)
		g.alone, g.keys = true, nil
		if g == s.open {
			s.open = nil
		}
	}
}
