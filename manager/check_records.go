package manager

import (
	"fmt"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// section returns the section that the reader is in.
func (ck *checker) section() *section { return ck.sections[len(ck.sections)-1] }

func (ck *checker) start(model string, f frame) error {
	if n := len(model); n > resource.MaxIDBytes {
		return &archive.Error{
			Code: archive.CodeStructure, Offset: f.offset,
			Err: &recordError{message: fmt.Sprintf("model name of %d bytes is longer than %d", n, resource.MaxIDBytes)},
		}
	}
	if ck.unknown != nil && ck.wanted(model) {
		if err := ck.unknown(model); err != nil {
			return &archive.Error{
				Code: string(CodeModelUnknown), Offset: f.offset,
				Err: &recordError{model: model, message: err.Error()},
			}
		}
	}
	m := ck.models[model]
	if m == nil {
		m = newModelCheck(model)
		ck.models[model] = m
	}
	ck.sections = append(ck.sections, newSection(m, int32(len(ck.sections)), ck.wanted(model), ck.opts.chunkRows()))
	return nil
}

// maxRevisionID is the length limit of a revision id, in bytes: that of the
// resource id, a colon and the number.
const maxRevisionID = resource.MaxIDBytes + 11

func (ck *checker) meta(meta *resource.Meta, facts *recordFacts, f frame) error {
	s := ck.section()
	if err := meta.ResourceID.CheckStored(); err != nil {
		return s.bad(archive.CodeStructure, f, meta.ResourceID, "meta: %v", err)
	}
	if n := len(meta.CurrentRevisionID); n > maxRevisionID {
		return s.bad(archive.CodeStructure, f, meta.ResourceID, "meta of resource %s: current_revision_id of %d bytes is longer than %d", meta.ResourceID, n, maxRevisionID)
	}
	s.model.metas = append(s.model.metas, metaMark{
		id:      facts.id,
		current: facts.key,
		frame:   f,
		section: s.no,
	})
	if s.wanted {
		s.digest = s.digest.Add(facts.digest)
	}
	s.record(facts.id, f, true)
	s.model.learn(meta)
	return nil
}

func (ck *checker) revision(rev *resource.Revision, facts *recordFacts, f frame) error {
	s := ck.section()
	if err := facts.bad; err != nil {
		return s.bad(err.code, f, rev.Info.ResourceID, "%s", err.message)
	}
	if facts.stale {
		ck.findings.note(staleHash(s.model.name, &rev.Info, f.offset))
	}
	s.model.revisions = append(s.model.revisions, revisionMark{
		id:      facts.id,
		key:     facts.key,
		content: facts.content,
		frame:   f,
		section: s.no,
	})
	s.record(facts.id, f, false)
	if s.model.encoding == "" {
		s.model.encoding = payload.Sniff(rev.Data)
	}
	if s.wanted {
		s.digest = s.digest.Add(facts.digest)
		ck.references(s, rev, facts, f)
	}
	return nil
}

// references remembers the blobs that a payload refers to.
func (ck *checker) references(s *section, rev *resource.Revision, facts *recordFacts, f frame) {
	for _, b := range facts.binaries {
		if _, ok := ck.refs[b.FileID]; !ok {
			ck.refs[b.FileID] = blobRef{fileID: b.FileID, model: s.model.name, id: rev.Info.ResourceID, offset: f.offset}
		}
	}
}

// contentError is what is wrong with a record by itself.
type contentError struct{ code, message string }

// checkRevision reports what is wrong with a revision by itself.
func checkRevision(rev *resource.Revision) *contentError {
	info := &rev.Info
	if err := info.ResourceID.CheckStored(); err != nil {
		return &contentError{archive.CodeStructure, fmt.Sprintf("revision %s: %v", info.RevisionID, err)}
	}
	n, ok := info.RevisionID.Number()
	if !ok || info.ResourceID.Revision(n) != info.RevisionID {
		return &contentError{archive.CodeStructure, fmt.Sprintf("revision id %.300q is not one of resource %s", info.RevisionID, info.ResourceID)}
	}
	return checkHash(rev)
}

// checkHash reports a payload that is not what its hash says. The hash of a
// migrated revision is not compared: the original leaves that of the payload
// before the migration.
func checkHash(rev *resource.Revision) *contentError {
	want, ok := rev.Info.DataHash.Get()
	if !ok || rev.Info.ParentSchemaVersion.IsSet() {
		return nil
	}
	if got := resource.DataHash(rev.Data); got != want {
		return &contentError{archive.CodeCorrupt, fmt.Sprintf("payload of revision %s has hash %s, not %s", rev.Info.RevisionID, got, want)}
	}
	return nil
}

// hasStaleHash reports whether a revision has the hash of the payload before its
// migration.
func hasStaleHash(rev *resource.Revision) bool {
	want, ok := rev.Info.DataHash.Get()
	return ok && rev.Info.ParentSchemaVersion.IsSet() && want != resource.DataHash(rev.Data)
}

// staleHash is the note about such a revision.
func staleHash(model string, info *resource.RevisionInfo, offset int64) Problem {
	return Problem{
		Code: CodeHashStale, Offset: offset, Model: model, ResourceID: info.ResourceID,
		Message: fmt.Sprintf("model %s: hash of revision %s is that of the payload before its migration", model, info.RevisionID),
	}
}

func (ck *checker) blob(facts *recordFacts, f frame) error {
	s := ck.section()
	if err := facts.bad; err != nil {
		return s.bad(err.code, f, "", "%s", err.message)
	}
	mark := blobMark{id: facts.id, content: facts.content, frame: f, section: s.no}
	ck.blobs = append(ck.blobs, mark)
	return nil
}

// checkBlob reports what is wrong with a blob by itself.
func checkBlob(b *archive.Blob) *contentError {
	switch {
	case b.FileID == "":
		return &contentError{archive.CodeStructure, "blob without a file_id"}
	case len(b.FileID) > resource.MaxIDBytes:
		return &contentError{archive.CodeStructure, fmt.Sprintf("file_id of %d bytes is longer than %d", len(b.FileID), resource.MaxIDBytes)}
	case b.Size != int64(len(b.Data)):
		return &contentError{archive.CodeCorrupt, fmt.Sprintf("blob %s has %d bytes, not %d", b.FileID, len(b.Data), b.Size)}
	case isContentHash(b.FileID) && resource.ContentHash(b.Data) != b.FileID:
		return &contentError{archive.CodeCorrupt, fmt.Sprintf("blob %s has other content than its id says", b.FileID)}
	}
	return nil
}

// isContentHash reports whether a blob's id is the hash of its content rather
// than a key that its writer chose.
func isContentHash(fileID string) bool {
	if len(fileID) != 32 {
		return false
	}
	for _, c := range []byte(fileID) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
