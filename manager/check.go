package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// Check is the checking pass of a load: it reads the whole archive once, writes
// nothing, and returns the plan by which the archive is loaded. The plan depends
// on the archive and the options alone, so that an interrupted load finds the
// same chunks again.
//
// The archive is refused with an *[archive.Error] that names the first byte of
// the bad frame: by package archive for what is wrong with a frame or its place,
// here with archive_corrupt for content that is not what its hash or size says,
// with archive_structure for records that do not belong together (a revision
// without its meta, a meta without its current revision, one id or key twice),
// and with model_unknown for a model that the store lacks where that matters.
//
// Memory: about 100 bytes for each resource with one revision, and the ids of
// the distinct blobs that payloads refer to.
func (c *Catalog) Check(ctx context.Context, src Source, o LoadOptions) (*Plan, error) {
	infos, err := c.Models(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(infos))
	for _, info := range infos {
		known[info.Name] = true
	}
	ck := newChecker(src, o)
	ck.unknown = func(model string) error {
		if known[model] {
			return nil
		}
		if o.StrictModels && !o.AllowUnknownModel {
			return fmt.Errorf("model %s is not declared in this store", model)
		}
		return checkModelName(model)
	}
	ck.findings = Findings{OK: true}
	if err := ck.run(ctx); err != nil {
		return nil, fmt.Errorf("check archive: %w", err)
	}
	if err := c.checkReferences(ctx, ck); err != nil {
		return nil, fmt.Errorf("check archive: %w", err)
	}
	if err := ck.firstProblem(); err != nil {
		return nil, fmt.Errorf("check archive: %w", err)
	}
	return ck.finish()
}

// checkReferences notes the blobs that payloads refer to and that are neither in
// the archive nor in the store.
func (c *Catalog) checkReferences(ctx context.Context, ck *checker) error {
	for _, ref := range ck.unresolved() {
		if c.blobs != nil {
			_, err := c.blobs.Stat(ctx, ref.fileID)
			if err == nil {
				continue
			}
			if !errors.Is(err, storage.ErrNotFound) {
				return fmt.Errorf("look for blob %s: %w", ref.fileID, err)
			}
		}
		ck.findings.note(ref.missing())
	}
	return nil
}

// VerifyArchive checks an archive by itself and returns what is wrong with it
// and what is remarkable; the error is for reading it. Damage of the stream ends
// the check, other problems are listed together.
func VerifyArchive(ctx context.Context, src Source, l archive.Limits) (Findings, error) {
	ck := newChecker(src, LoadOptions{Limits: l})
	ck.findings = Findings{OK: true}
	err := ck.run(ctx)
	if bad, ok := errors.AsType[*archive.Error](err); ok {
		ck.findings.problem(problemOf(bad))
	} else if err != nil {
		return Findings{}, fmt.Errorf("verify archive: %w", err)
	}
	if err == nil {
		for _, ref := range ck.unresolved() {
			ck.findings.note(ref.missing())
		}
	}
	return ck.findings, nil
}

// recordError says which record of an archive is bad.
type recordError struct {
	model   string
	id      resource.ID
	message string
}

func (e *recordError) Error() string { return e.message }

// problemOf describes an archive error as a problem.
func problemOf(e *archive.Error) Problem {
	p := Problem{Code: Code(e.Code), Offset: e.Offset, Message: e.Err.Error()}
	if r, ok := errors.AsType[*recordError](e.Err); ok {
		p.Model, p.ResourceID = r.model, r.id
	}
	return p
}

// checker is the state of a checking pass.
type checker struct {
	src  Source
	opts LoadOptions
	hash idHash
	// unknown reports why a model cannot be loaded; nil takes any.
	unknown func(model string) error

	models   map[string]*modelCheck
	sections []*section
	blobs    []blobMark
	refs     map[string]blobRef
	findings Findings
	scratch  []byte
}

func newChecker(src Source, o LoadOptions) *checker {
	return &checker{
		src:    src,
		opts:   o,
		hash:   newIDHash(),
		models: make(map[string]*modelCheck),
		refs:   make(map[string]blobRef),
	}
}

// wanted reports whether the sections of a model are to be loaded.
func (ck *checker) wanted(model string) bool {
	return len(ck.opts.Models) == 0 || slices.Contains(ck.opts.Models, model)
}

// run reads the archive, then checks what its records are to each other.
func (ck *checker) run(ctx context.Context) error {
	r := archive.NewReader(io.NewSectionReader(ck.src, 0, ck.src.Size()), ck.opts.Limits)
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := ck.record(rec, frame{offset: r.Offset(), size: r.End() - r.Offset()}); err != nil {
			return err
		}
	}
	return ck.relations()
}

// record takes in one record.
func (ck *checker) record(rec archive.Record, f frame) error {
	switch rec := rec.(type) {
	case archive.ModelStart:
		return ck.start(rec.Model, f)
	case archive.Meta:
		return ck.meta(&rec.Meta, f)
	case archive.Revision:
		return ck.revision(&rec.Revision, f)
	case archive.Blob:
		return ck.blob(&rec, f)
	case archive.ModelEnd:
		ck.section().close(f.offset)
	}
	return nil
}

// section returns the section that the reader is in.
func (ck *checker) section() *section { return ck.sections[len(ck.sections)-1] }

func (ck *checker) start(model string, f frame) error {
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
	ck.sections = append(ck.sections, newSection(m, int32(len(ck.sections)), ck.wanted(model)))
	return nil
}

func (ck *checker) meta(meta *resource.Meta, f frame) error {
	s := ck.section()
	if err := meta.ResourceID.CheckStored(); err != nil {
		return s.bad(archive.CodeStructure, f, meta.ResourceID, "meta: %v", err)
	}
	id := ck.hash.id(meta.ResourceID)
	s.model.metas = append(s.model.metas, metaMark{
		id:      id,
		current: ck.hash.key(currentKey(*meta)),
		frame:   f,
		section: s.no,
	})
	s.record(id, f, true)
	s.model.learn(meta)
	return nil
}

func (ck *checker) revision(rev *resource.Revision, f frame) error {
	s := ck.section()
	if err := checkRevision(rev); err != nil {
		return s.bad(err.code, f, rev.Info.ResourceID, "%s", err.message)
	}
	content := ck.hash.bytes(rev.Data)
	ck.scratch = rev.Info.Append(resource.Msgpack, ck.scratch[:0])
	id := ck.hash.id(rev.Info.ResourceID)
	s.model.revisions = append(s.model.revisions, revisionMark{
		id:      id,
		key:     ck.hash.key(rev.Info.Key()),
		uid:     ck.hash.bytes(rev.Info.UID[:]),
		content: content ^ ck.hash.bytes(ck.scratch),
		frame:   f,
		section: s.no,
	})
	s.record(id, f, false)
	if s.model.encoding == "" {
		s.model.encoding = payload.Sniff(rev.Data)
	}
	if s.wanted {
		ck.references(s, rev, f)
	}
	return nil
}

// references remembers the blobs that a payload refers to.
func (ck *checker) references(s *section, rev *resource.Revision, f frame) {
	for _, b := range payload.Binaries(rev.Data) {
		if _, ok := ck.refs[b.FileID]; !ok {
			ck.refs[b.FileID] = blobRef{fileID: b.FileID, model: s.model.name, id: rev.Info.ResourceID, offset: f.offset}
		}
	}
}

// contentError is what is wrong with a record by itself.
type contentError struct{ code, message string }

// checkRevision reports what is wrong with a revision by itself. The hash of a
// migrated revision is not compared: the original leaves that of the payload
// before the migration.
func checkRevision(rev *resource.Revision) *contentError {
	info := &rev.Info
	if err := info.ResourceID.CheckStored(); err != nil {
		return &contentError{archive.CodeStructure, fmt.Sprintf("revision %s: %v", info.RevisionID, err)}
	}
	n, ok := info.RevisionID.Number()
	if !ok || info.ResourceID.Revision(n) != info.RevisionID {
		return &contentError{archive.CodeStructure, fmt.Sprintf("revision id %q is not one of resource %s", info.RevisionID, info.ResourceID)}
	}
	want, ok := info.DataHash.Get()
	if !ok || info.ParentSchemaVersion.IsSet() {
		return nil
	}
	if got := resource.DataHash(rev.Data); got != want {
		return &contentError{archive.CodeCorrupt, fmt.Sprintf("payload of revision %s has hash %s, not %s", info.RevisionID, got, want)}
	}
	return nil
}

func (ck *checker) blob(b *archive.Blob, f frame) error {
	s := ck.section()
	if err := checkBlob(b); err != nil {
		return s.bad(err.code, f, "", "%s", err.message)
	}
	mark := blobMark{id: ck.hash.bytes([]byte(b.FileID)), content: ck.hash.bytes(b.Data), frame: f, section: s.no}
	ck.blobs = append(ck.blobs, mark)
	return nil
}

// checkBlob reports what is wrong with a blob by itself.
func checkBlob(b *archive.Blob) *contentError {
	switch {
	case b.FileID == "":
		return &contentError{archive.CodeStructure, "blob without a file_id"}
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
