package manager

import (
	"cmp"
	"fmt"

	"github.com/specstar-worker/worker/resource"
)

// compareAge orders metas of one resource by updated_time, then revision count,
// then number of the current revision.
func compareAge(a, b *resource.Meta) int {
	n, _ := a.CurrentRevisionID.Number()
	m, _ := b.CurrentRevisionID.Number()
	return cmp.Or(
		a.UpdatedTime.Compare(b.UpdatedTime),
		cmp.Compare(a.TotalRevisionCount, b.TotalRevisionCount),
		cmp.Compare(n, m),
	)
}

// equallyNew returns what an archived resource becomes that is as old as the
// local one and is the same; another one is refused.
func (d *decider) equallyNew(meta, local *resource.Meta) (*resource.Meta, error) {
	joined, same := join(meta, local)
	if same {
		fresh, err := d.missing(d.cargo.revisions[meta.ResourceID])
		if err != nil {
			return nil, err
		}
		same = len(fresh) == 0
	}
	if !same {
		return nil, ambiguous(d.cargo.model, meta.ResourceID)
	}
	return joined, nil
}

// join returns the meta of an archive with what the store has derived since, and
// the other way round: rev_* fields that a backfill filled, and the values that
// are indexed here, are no other content. False when the metas differ in more.
func join(meta, local *resource.Meta) (*resource.Meta, bool) {
	theirs, ours := *meta, *local
	theirs.Rev, ours.Rev = meta.Rev.Completed(local.Rev), local.Rev.Completed(meta.Rev)
	if !ours.IndexedData.IsSet() {
		ours.IndexedData = meta.IndexedData
	}
	theirs.IndexedData = ours.IndexedData
	return &theirs, sameMeta(&theirs, &ours)
}

func ambiguous(model string, id resource.ID) error {
	return &RefusedError{
		Code: CodeAmbiguous, Model: model, ResourceID: id,
		Message: fmt.Sprintf("resource %s of model %s is as old in the archive as in the store, but differs", id, model),
	}
}
