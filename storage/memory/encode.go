package memory

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// encoding is how metas and infos are kept. Keeping them encoded makes the
// store forget what the encoding cannot say, as every other store does.
const encoding = resource.Msgpack

// encoded are the writes to one model, ready to be applied.
type encoded struct {
	purge     []resource.ID
	revisions []resource.Revision
	metas     []metaRow
	blobs     []string
}

func encode(w storage.ModelWrites) (encoded, error) {
	revisions, err := encodeRevisions(w.Revisions)
	if err != nil {
		return encoded{}, err
	}
	metas, err := encodeMetas(w.Metas)
	if err != nil {
		return encoded{}, err
	}
	return encoded{purge: slices.Clone(w.Purge), revisions: revisions, metas: metas, blobs: w.Blobs}, nil
}

// apply writes to m, which the caller may change.
func (e encoded) apply(m *model) {
	for _, id := range e.purge {
		delete(m.metas, id)
		delete(m.revs, id)
	}
	for _, r := range e.revisions {
		m.putRevision(r)
	}
	for _, row := range e.metas {
		m.metas[row.meta.ResourceID] = row
	}
	for _, id := range e.blobs {
		m.blobs[id] = struct{}{}
	}
}

func encodeMetas(metas []resource.Meta) ([]metaRow, error) {
	rows := make([]metaRow, len(metas))
	for i, m := range metas {
		row, err := encodeMeta(m)
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

func encodeMeta(m resource.Meta) (metaRow, error) {
	if err := m.Check(); err != nil {
		return metaRow{}, err
	}
	stored := m.Append(encoding, nil)
	back, err := resource.DecodeMeta(encoding, stored)
	if err != nil {
		return metaRow{}, fmt.Errorf("encode meta of %s: %w", m.ResourceID, err)
	}
	return metaRow{stored: stored, meta: back}, nil
}

func encodeRevisions(revisions []resource.Revision) ([]resource.Revision, error) {
	out := make([]resource.Revision, len(revisions))
	for i, r := range revisions {
		if err := r.Info.Check(); err != nil {
			return nil, err
		}
		info, err := resource.DecodeRevisionInfo(encoding, r.Info.Append(encoding, nil))
		if err != nil {
			return nil, fmt.Errorf("encode info of %s: %w", r.Info.RevisionID, err)
		}
		out[i] = resource.Revision{Info: info, Data: bytes.Clone(r.Data)}
	}
	return out, nil
}
