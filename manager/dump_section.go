package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// sectionDumper dumps one model.
type sectionDumper struct {
	*dumper
	model     string
	metas     storage.MetaReader
	revisions storage.RevisionReader
	visible   Rows
	// blobs are the blobs that were found in payloads, each with the first
	// resource that refers to it.
	blobs   map[string]resource.ID
	started bool
	stats   ModelDump
}

// start begins the section.
func (s *sectionDumper) start() error {
	s.started = true
	return s.yield(archive.ModelStart{Model: s.model})
}

// resources dumps the metas, each followed by its revisions. The metas are read as
// the reader of revisions asks for ids, so that it may read ahead.
func (s *sectionDumper) resources(ctx context.Context) error {
	if s.line != nil {
		return s.blocks(ctx)
	}
	var waiting []resource.Meta // whose ids were asked for and that are not written yet
	var failed error
	ids := func(yield func(resource.ID) bool) {
		for meta, err := range ascending(s.selected(ctx)) {
			if failed = err; err != nil {
				return
			}
			if waiting = append(waiting, meta); !yield(meta.ResourceID) {
				return
			}
		}
	}
	revisions := func(yield func(resource.Revision, error) bool) {
		for rev, err := range s.revisions.DumpAll(ctx, ids) {
			if err = cmp.Or(failed, err); !yield(rev, err) || err != nil {
				return
			}
		}
		if failed != nil {
			yield(resource.Revision{}, failed)
		}
	}
	return interleave(&waiting, revisions, s.meta, s.revision)
}

// interleave passes on each of the metas that wait, in front of its revisions. More may
// come to wait while the revisions are read.
func interleave(waiting *[]resource.Meta, revisions iter.Seq2[resource.Revision, error], meta func(resource.Meta) error, revision func(resource.Revision) error) error {
	last := resource.ID("") // of the metas that were passed on
	for rev, err := range revisions {
		if err != nil {
			return err
		}
		for last != rev.Info.ResourceID {
			if len(*waiting) == 0 {
				return fmt.Errorf("revision %s came out of order", rev.Info.RevisionID)
			}
			first := (*waiting)[0]
			*waiting = (*waiting)[1:]
			last = first.ResourceID
			if err := meta(first); err != nil {
				return err
			}
		}
		if err := revision(rev); err != nil {
			return err
		}
	}
	for _, m := range *waiting {
		if err := meta(m); err != nil {
			return err
		}
	}
	return nil
}

// selected returns the metas to dump, by id.
func (s *sectionDumper) selected(ctx context.Context) iter.Seq2[resource.Meta, error] {
	q, _ := s.opts.Query.Get()
	if where := both(q.Where, s.visible.Where); where != nil {
		return s.visible.checked(ctx, s.metas.Search(ctx, qb.Query{Where: where}))
	}
	return s.visible.checked(ctx, s.metas.All(ctx))
}

// ascending yields an error when ids do not ascend: then a row holds the meta of
// another resource, or its own twice.
func ascending(metas iter.Seq2[resource.Meta, error]) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		var last resource.ID
		for meta, err := range metas {
			if err == nil && meta.ResourceID <= last {
				err = fmt.Errorf("behind resource %s a row holds the meta of %s", last, meta.ResourceID)
			}
			if err != nil {
				yield(resource.Meta{}, err)
				return
			}
			if last = meta.ResourceID; !yield(meta, nil) {
				return
			}
		}
	}
}

func (s *sectionDumper) meta(meta resource.Meta) error {
	if !s.started {
		if err := s.start(); err != nil {
			return err
		}
	}
	s.stats.Metas++
	return s.yield(archive.Meta{Meta: meta})
}

func (s *sectionDumper) revision(rev resource.Revision) error {
	s.stats.Revisions++
	noteBlobs(s.blobs, &rev)
	return s.yield(archive.Revision{Revision: rev})
}

// noteBlobs notes the blobs that a revision refers to, each with the first resource that
// does.
func noteBlobs(blobs map[string]resource.ID, rev *resource.Revision) {
	for _, b := range payload.Binaries(rev.Data) {
		if _, ok := blobs[b.FileID]; !ok {
			blobs[b.FileID] = rev.Info.ResourceID
		}
	}
}

// allBlobs dumps the blobs of the section, by id. Of a part of the resources only
// what their payloads refer to: the others' blobs are not for its reader.
func (s *sectionDumper) allBlobs(ctx context.Context) error {
	if !s.opts.Query.IsSet() && s.visible.all() {
		for id, err := range s.metas.Blobs(ctx) {
			if err != nil {
				return err
			}
			if _, ok := s.blobs[id]; !ok {
				s.blobs[id] = ""
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.blobs)) {
		blob, err := s.catalog.readBlob(ctx, id)
		if errors.Is(err, storage.ErrNotFound) {
			s.missing(id)
			continue
		}
		if err != nil {
			return err
		}
		s.stats.Blobs++
		if err := s.yield(blob); err != nil {
			return err
		}
	}
	return nil
}

// missing counts a reference to a blob that is nowhere.
func (s *sectionDumper) missing(fileID string) {
	st := &s.dumper.stats
	st.MissingBlobs++
	if len(st.Warnings) < MaxProblems {
		st.Warnings = append(st.Warnings, blobRef{fileID: fileID, model: s.model, id: s.blobs[fileID]}.missing())
	}
}

// readBlob reads a blob whole; an archive holds it in one frame anyway.
func (c *Catalog) readBlob(ctx context.Context, fileID string) (archive.Blob, error) {
	if c.blobs == nil {
		return archive.Blob{}, storage.ErrNotFound
	}
	r, info, err := c.blobs.Open(ctx, fileID)
	if err != nil {
		return archive.Blob{}, fmt.Errorf("open blob %s: %w", fileID, err)
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return archive.Blob{}, fmt.Errorf("read blob %s: %w", fileID, err)
	}
	return archive.Blob{FileID: fileID, Data: data, Size: int64(len(data)), ContentType: info.ContentType.Or("")}, nil
}
