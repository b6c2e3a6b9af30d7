package manager

import (
	"cmp"
	"slices"
)

// section is one section of an archive while it is checked. As long as the
// records of each resource stand together, its chunks are ranges of bytes.
type section struct {
	model  *modelCheck
	no     int32
	wanted bool

	metas, revisions int64
	digest           Digest // of its metas and revisions, when they are wanted
	runs             int64  // of frames of one resource
	last             uint64 // hash of the resource of the current run
	cuts             []chunk
	open             chunk // the last cut, still growing
	rows             int64 // resources of a chunk at most
}

func newSection(m *modelCheck, no int32, wanted bool, rows int64) *section {
	return &section{model: m, no: no, wanted: wanted, rows: rows, open: chunk{model: m.name}}
}

// record takes in the frame of a meta or revision of the resource with hash id.
func (s *section) record(id uint64, f frame, isMeta bool) {
	if isMeta {
		s.metas++
	} else {
		s.revisions++
	}
	if s.runs == 0 || id != s.last {
		s.run(f)
		s.last = id
	}
	s.open.bytes += f.size
}

// run begins the frames of another resource.
func (s *section) run(f frame) {
	s.runs++
	if s.open.resources >= s.rows || s.open.bytes >= chunkBytes {
		s.cut(f.offset)
	}
	if s.open.resources == 0 {
		s.open.span.offset = f.offset
	}
	s.open.resources++
}

// cut ends the open chunk before the given offset.
func (s *section) cut(end int64) {
	s.open.span.size = end - s.open.span.offset
	s.cuts = append(s.cuts, s.open)
	s.open = chunk{model: s.model.name}
}

// close ends the section with the frame at the given offset.
func (s *section) close(end int64) {
	if s.open.resources > 0 {
		s.cut(end)
	}
}

// grouped reports whether the records of each resource stand together. It holds
// for a section whose relations were found to be right.
func (s *section) grouped() bool { return s.runs == s.metas }

// regroup makes the chunks of a section whose resources are scattered, in the
// order of their metas.
func (ck *checker) regroup(s *section) []chunk {
	metas := slices.DeleteFunc(slices.Clone(s.model.metas), func(m metaMark) bool { return m.section != s.no })
	slices.SortFunc(metas, func(a, b metaMark) int { return cmp.Compare(a.frame.offset, b.frame.offset) })
	place := make(map[uint64]int, len(metas))
	groups := make([][]frame, len(metas))
	for i, m := range metas {
		place[m.id] = i
		groups[i] = []frame{m.frame}
	}
	for _, r := range s.model.revisions {
		if r.section == s.no {
			i := place[r.id]
			groups[i] = append(groups[i], r.frame)
		}
	}
	return cutFrames(chunk{model: s.model.name}, groups, ck.opts.chunkRows())
}
