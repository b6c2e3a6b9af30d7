package postgres

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
)

// errTaken says that the number of a new revision has an owner already.
var errTaken = outer.ErrTaken

// outerWriter writes the revisions of one model to the medium for one unit of work.
type outerWriter struct {
	*outer.Writer
	names tables
}

// newOuterWriter returns a writer; mine are the contents that earlier attempts of the
// same unit have put.
func (f *Factory) newOuterWriter(names tables, mine map[string]storage.Content, adopts bool) outerWriter {
	return outerWriter{names: names, Writer: outer.NewWriter(outer.Config{
		Medium: f.medium.Model(names.model), Model: names.model, Infos: f.infoEncoding(), Mine: mine, Adopts: adopts,
		Check: func(info *resource.RevisionInfo) error { return checkRevision(names, info) },
	})}
}

// outerStore writes revisions to the medium outside of a unit of work.
type outerStore struct{ revisionReader }

var _ storage.RevisionStore = outerStore{}

// SaveMany stores contents, then makes keys lead to them.
func (s outerStore) SaveMany(ctx context.Context, revisions []resource.Revision) error {
	if s.f.readOnly {
		return fmt.Errorf("save revisions of model %s in %s: %w", s.t.model, s.f.place, errReadOnly)
	}
	return s.f.newOuterWriter(s.t, map[string]storage.Content{}, false).Save(ctx, revisions)
}

// Purge removes every revision of the resources.
func (s outerStore) Purge(ctx context.Context, ids []resource.ID) error {
	if s.f.readOnly {
		return fmt.Errorf("purge revisions of model %s in %s: %w", s.t.model, s.f.place, errReadOnly)
	}
	return outer.Purge(ctx, s.f.medium.Model(s.t.model), ids)
}
