package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
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
	return c.check(ctx, src, o, nil)
}

// check is Check; keep gets the records of the sections to be loaded.
func (c *Catalog) check(ctx context.Context, src Source, o LoadOptions, keep *keeper) (*Plan, error) {
	infos, err := c.Models(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(infos))
	for _, info := range infos {
		known[info.Name] = true
	}
	ck := newChecker(src, o)
	ck.keep = keep
	ck.unknown = func(model string) error {
		if known[model] {
			return nil
		}
		if o.StrictModels && !o.AllowUnknownModel {
			return fmt.Errorf("model %s is not declared in this store", model)
		}
		return checkModelName(model)
	}
	if err := ck.run(ctx); err != nil {
		return nil, fmt.Errorf("check archive: %w", err)
	}
	held, err := c.checkReferences(ctx, ck)
	if err != nil {
		return nil, fmt.Errorf("check archive: %w", err)
	}
	if err := ck.firstProblem(); err != nil {
		return nil, fmt.Errorf("check archive: %w", err)
	}
	p, err := ck.finish()
	if err == nil {
		p.held = held
		for _, name := range p.names() {
			if !known[name] {
				p.lacked = append(p.lacked, name)
			}
		}
		err = c.placeForBlobs(p.blobs())
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// checkReferences notes the blobs that payloads refer to and that are neither in
// the archive nor in the store, and returns those that are in the store alone.
func (c *Catalog) checkReferences(ctx context.Context, ck *checker) (held []string, err error) {
	for _, ref := range ck.unresolved() {
		if c.blobs != nil {
			_, err := c.blobs.Stat(ctx, ref.fileID)
			if err == nil {
				held = append(held, ref.fileID)
				continue
			}
			if !errors.Is(err, storage.ErrNotFound) {
				return nil, fmt.Errorf("look for blob %.80s: %w", ref.fileID, err)
			}
		}
		ck.findings.note(ref.missing())
	}
	return held, nil
}

// VerifyArchive checks an archive by itself and returns what is wrong with it
// and what is remarkable; the error is for reading it. Damage of the stream ends
// the check, other problems are listed together.
func VerifyArchive(ctx context.Context, src Source, l archive.Limits) (Findings, error) {
	ck := newChecker(src, LoadOptions{Limits: l})
	ck.noteStale = true
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
	// noteStale notes hashes that a migration left stale.
	noteStale bool
	keep      *keeper

	models   map[string]*modelCheck
	sections []*section
	blobs    []blobMark
	refs     map[string]blobRef
	findings Findings
	// makers are for where records are decoded, digest for the checker itself.
	makers factsMakers
	digest digester
}

func newChecker(src Source, o LoadOptions) *checker {
	return &checker{
		src:      src,
		opts:     o,
		hash:     newIDHash(),
		models:   make(map[string]*modelCheck),
		refs:     make(map[string]blobRef),
		findings: Findings{OK: true},
	}
}

// wanted reports whether the sections of a model are to be loaded.
func (ck *checker) wanted(model string) bool {
	return len(ck.opts.Models) == 0 || slices.Contains(ck.opts.Models, model)
}

// run reads the archive, then checks what its records are to each other.
func (ck *checker) run(ctx context.Context) error {
	r := archive.NewReader(io.NewSectionReader(ck.src, 0, ck.src.Size()), ck.opts.Limits)
	r.Prepare(ck.factsOf)
	n := 0
	for rec, err := range r.Records() {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		facts, _ := r.Prepared().(*recordFacts)
		if err := ck.record(rec, facts, frame{offset: r.Offset(), size: r.End() - r.Offset()}); err != nil {
			return err
		}
	}
	return ck.relations()
}

// record takes in one record, which is kept when it is right by itself.
func (ck *checker) record(rec archive.Record, facts *recordFacts, f frame) error {
	if err := ck.take(rec, facts, f); err != nil {
		return err
	}
	switch rec.(type) {
	case archive.Meta, archive.Revision, archive.Blob:
		if s := ck.section(); s.wanted {
			ck.keep.take(s.model.name, rec, f.size)
		}
	}
	return nil
}

func (ck *checker) take(rec archive.Record, facts *recordFacts, f frame) error {
	switch rec := rec.(type) {
	case archive.ModelStart:
		return ck.start(rec.Model, f)
	case archive.Meta:
		return ck.meta(&rec.Meta, facts, f)
	case archive.Revision:
		return ck.revision(&rec.Revision, facts, f)
	case archive.Blob:
		return ck.blob(facts, f)
	case archive.ModelEnd:
		ck.section().close(f.offset)
	}
	return nil
}
