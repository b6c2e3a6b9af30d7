package simple

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Act does something to a job and adds it to the audit trail. A refusal of the job is
// not an error but returned apart: its entry is to be kept. ErrNotFound, ErrVerb.
func (t Jobs) Act(a storage.Act, now time.Time) (job storage.Job, refusal, err error) {
	if job, err = t.Get(a.Job); err != nil {
		return job, nil, err
	}
	entry := a.Entry(job, now)
	switch a.Verb {
	case storage.VerbRetry:
		job, err = t.Retry(a.Job)
	case storage.VerbCancel:
		job, err = t.Cancel(a.Job, now)
	case storage.VerbDrop:
		err = t.Drop(a.Job)
	default:
		return job, nil, storage.ErrVerb
	}
	code, refused := storage.ActCode(err)
	switch {
	case refused:
		entry.Code = code
	case err != nil:
		return job, nil, err
	case a.Verb == storage.VerbDrop:
		entry.Is = ""
	default:
		entry.Is = job.State
	}
	t.Trail[entry.ID] = entry
	return job, err, nil
}

// Audits returns the entries that f selects, the latest first.
func (t Jobs) Audits(f storage.AuditFilter) []storage.Audit {
	var found []storage.Audit
	for _, a := range t.Trail {
		if f.Selects(a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, storage.CompareAudits)
	if f.Limit > 0 {
		found = found[:min(f.Limit, len(found))]
	}
	return found
}

// PruneAudits removes entries before a time and returns how many.
func (t Jobs) PruneAudits(before time.Time) int64 {
	var old []uuid.UUID
	for id, a := range t.Trail {
		if a.At.Before(before) {
			old = append(old, id)
		}
	}
	for _, id := range old {
		delete(t.Trail, id)
	}
	return int64(len(old))
}
