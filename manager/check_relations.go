package manager

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
)

// relations checks what the records of the archive are to each other and
// records the problems by their offset.
func (ck *checker) relations() error {
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(ck.models)) {
		m := ck.models[name]
		slices.SortFunc(m.metas, func(a, b metaMark) int {
			return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.frame.offset, b.frame.offset))
		})
		for _, check := range []func(*modelCheck) ([]Problem, error){ck.repeatedMetas, ck.keys, ck.belonging} {
			found, err := check(m)
			if err != nil {
				return err
			}
			problems = append(problems, found...)
		}
	}
	found, err := ck.repeatedBlobs()
	if err != nil {
		return err
	}
	problems = append(problems, found...)
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, p := range problems {
		ck.findings.problem(p)
	}
	return nil
}

// firstProblem returns the problem with the lowest offset as an error.
func (ck *checker) firstProblem() error {
	if len(ck.findings.Problems) == 0 {
		return nil
	}
	p := ck.findings.Problems[0]
	return &archive.Error{Code: string(p.Code), Offset: p.Offset, Err: &recordError{model: p.Model, id: p.ResourceID, message: p.Message}}
}

// repeatedMetas finds resources with more than one meta, in whichever sections.
// The metas are sorted by id and place.
func (ck *checker) repeatedMetas(m *modelCheck) ([]Problem, error) {
	var problems []Problem
	for i := 1; i < len(m.metas); i++ {
		if m.metas[i].id != m.metas[i-1].id {
			continue
		}
		first, err := ck.readMeta(m.metas[i-1].frame)
		if err != nil {
			return nil, err
		}
		again, err := ck.readMeta(m.metas[i].frame)
		if err != nil {
			return nil, err
		}
		if first.ResourceID == again.ResourceID {
			problems = append(problems, structure(m, m.metas[i].frame.offset, again.ResourceID,
				"resource %s has a second meta; the first is at byte %d", again.ResourceID, m.metas[i-1].frame.offset))
		}
	}
	return problems, nil
}

// keys finds revisions that are there twice with other content; byte-equal
// repeats are fine, and so is one uid under several keys, which a migration by
// the original leaves. Afterwards the revisions are sorted by resource and key.
func (ck *checker) keys(m *modelCheck) ([]Problem, error) {
	slices.SortFunc(m.revisions, func(a, b revisionMark) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.key, b.key), cmp.Compare(a.frame.offset, b.frame.offset))
	})
	var problems []Problem
	for i := 1; i < len(m.revisions); i++ {
		a, b := m.revisions[i-1], m.revisions[i]
		if a.key != b.key {
			continue
		}
		if a.content == b.content {
			if err := ck.fold(b); err != nil {
				return nil, err
			}
			continue
		}
		first, err := ck.readRevision(a.frame)
		if err != nil {
			return nil, err
		}
		again, err := ck.readRevision(b.frame)
		if err != nil {
			return nil, err
		}
		if first.Key() == again.Key() {
			problems = append(problems, structure(m, b.frame.offset, again.ResourceID,
				"revision %s is there twice with other content; the first is at byte %d", again.RevisionID, a.frame.offset))
		}
	}
	return problems, nil
}

// fold takes a repeat out of its section's digest: it is loaded once.
func (ck *checker) fold(m revisionMark) error {
	s := ck.sections[m.section]
	if !s.wanted {
		return nil
	}
	rec, err := readAs[archive.Revision](ck, m.frame)
	if err != nil {
		return err
	}
	s.digest = s.digest.sub(ck.digest.revision(&rec.Revision))
	return nil
}

// belonging finds revisions without a meta in their section and metas without
// their current revision. Metas and revisions are sorted by resource.
func (ck *checker) belonging(m *modelCheck) ([]Problem, error) {
	var problems []Problem
	revs := m.revisions
	for i, meta := range m.metas {
		if i > 0 && meta.id == m.metas[i-1].id {
			continue // reported as repeated
		}
		for len(revs) > 0 && revs[0].id < meta.id {
			problems, revs = append(problems, ck.orphan(m, revs[0])), revs[1:]
		}
		found := false
		for len(revs) > 0 && revs[0].id == meta.id {
			if revs[0].section != meta.section {
				problems = append(problems, ck.orphan(m, revs[0]))
			}
			found = found || revs[0].key == meta.current
			revs = revs[1:]
		}
		if found {
			continue
		}
		if p, err := ck.missingCurrent(m, meta); err != nil {
			return nil, err
		} else if ck.opts.AllowMissingRevision {
			ck.findings.note(p)
		} else {
			problems = append(problems, p)
		}
	}
	for _, r := range revs {
		problems = append(problems, ck.orphan(m, r))
	}
	return problems, nil
}

func (ck *checker) orphan(m *modelCheck, r revisionMark) Problem {
	info, err := ck.readRevision(r.frame)
	if err != nil {
		return structure(m, r.frame.offset, "", "revision without a meta in its section")
	}
	return structure(m, r.frame.offset, info.ResourceID, "revision %s has no meta in its section", info.RevisionID)
}

func (ck *checker) missingCurrent(m *modelCheck, mark metaMark) (Problem, error) {
	meta, err := ck.readMeta(mark.frame)
	if err != nil {
		return Problem{}, err
	}
	p := structure(m, mark.frame.offset, meta.ResourceID, "current revision %s of resource %s is not in the archive", meta.CurrentRevisionID, meta.ResourceID)
	if ck.opts.AllowMissingRevision {
		p.Code = CodeRevMissing
	}
	return p, nil
}

// repeatedBlobs finds blobs that are there twice with other content.
func (ck *checker) repeatedBlobs() ([]Problem, error) {
	blobs := slices.Clone(ck.blobs)
	slices.SortFunc(blobs, func(a, b blobMark) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.frame.offset, b.frame.offset))
	})
	var problems []Problem
	for i := 1; i < len(blobs); i++ {
		a, b := blobs[i-1], blobs[i]
		if a.id != b.id || a.content == b.content {
			continue
		}
		first, err := readAs[archive.Blob](ck, a.frame)
		if err != nil {
			return nil, err
		}
		again, err := readAs[archive.Blob](ck, b.frame)
		if err != nil {
			return nil, err
		}
		if first.FileID == again.FileID {
			problems = append(problems, structure(ck.sections[b.section].model, b.frame.offset, "",
				"blob %s is there twice with other content; the first is at byte %d", again.FileID, a.frame.offset))
		}
	}
	return problems, nil
}

// unresolved returns the references to blobs that the sections to be loaded
// lack, by id.
func (ck *checker) unresolved() []blobRef {
	held := make(map[uint64]bool, len(ck.blobs))
	for _, b := range ck.blobs {
		if ck.sections[b.section].wanted {
			held[b.id] = true
		}
	}
	var refs []blobRef
	for id, ref := range ck.refs {
		if !held[ck.hash.bytes([]byte(id))] {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b blobRef) int { return strings.Compare(a.fileID, b.fileID) })
	return refs
}

func structure(m *modelCheck, offset int64, id resource.ID, format string, args ...any) Problem {
	return Problem{
		Code: archive.CodeStructure, Offset: offset, Model: m.name, ResourceID: id,
		Message: fmt.Sprintf("model %s: ", m.name) + fmt.Sprintf(format, args...),
	}
}

func (ck *checker) readMeta(f frame) (resource.Meta, error) {
	rec, err := readAs[archive.Meta](ck, f)
	return rec.Meta, err
}

func (ck *checker) readRevision(f frame) (resource.RevisionInfo, error) {
	rec, err := readAs[archive.Revision](ck, f)
	return rec.Revision.Info, err
}

// errChanged says that the archive is not what it was a moment ago.
var errChanged = errors.New("the archive changed while it was read")

// readAs reads a record again.
func readAs[R archive.Record](ck *checker, f frame) (R, error) {
	for rec, err := range archive.ReadAt(ck.src, f.offset, f.offset+f.size, ck.opts.Limits) {
		if err != nil {
			return *new(R), err
		}
		if r, ok := rec.(R); ok {
			return r, nil
		}
		break
	}
	return *new(R), errChanged
}
