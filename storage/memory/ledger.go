package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// ledger holds the jobs of the store.
type ledger struct{ f *Factory }

// jobRow is a job and the token of its live claim, uuid.Nil for none.
type jobRow struct {
	storage.Job
	token uuid.UUID
}

// copyJob returns j with memory of its own and times to the microsecond.
func copyJob(j storage.Job) storage.Job {
	j.Envelope = bytes.Clone(j.Envelope)
	j.EnvelopeHash = bytes.Clone(j.EnvelopeHash)
	j.Outcome = bytes.Clone(j.Outcome)
	for _, t := range []*time.Time{&j.Created, &j.Started, &j.Finished, &j.LeaseUntil} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Microsecond)
		}
	}
	return j
}

// text returns the id of j as its submitter wrote it.
func text(j storage.Job) string { return cmp.Or(j.Text, j.ID.String()) }

// add inserts j, which is not there, and fills what a new row needs.
func (s *state) add(j storage.Job, now time.Time) jobRow {
	j = copyJob(j)
	j.Text = text(j)
	j.State = cmp.Or(j.State, storage.JobQueued)
	if j.Created.IsZero() {
		j.Created = now
	}
	row := jobRow{Job: j}
	s.jobs[j.ID] = row
	s.texts[j.Text] = j.ID
	return row
}

// job returns the row of a job.
func (s *state) job(id uuid.UUID) (jobRow, error) {
	row, ok := s.jobs[id]
	if !ok {
		return jobRow{}, fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
	}
	return row, nil
}

func (l ledger) Insert(ctx context.Context, jobs []storage.Job) ([]bool, error) {
	inserted := make([]bool, len(jobs))
	err := l.f.write(ctx, func(s *state) error {
		for _, j := range jobs {
			if row, ok := s.jobs[j.ID]; ok && !sameHash(row.Job, j) {
				return fmt.Errorf("insert jobs: %w", &storage.JobDiffersError{ID: text(j)})
			}
		}
		now := l.f.now()
		for i, j := range jobs {
			if _, ok := s.jobs[j.ID]; !ok {
				s.add(j, now)
				inserted[i] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return inserted, nil
}

// sameHash reports whether two rows may be of the same message; a hash that is
// not known differs from none.
func sameHash(a, b storage.Job) bool {
	return len(a.EnvelopeHash) == 0 || len(b.EnvelopeHash) == 0 || bytes.Equal(a.EnvelopeHash, b.EnvelopeHash)
}

func (l ledger) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	var job storage.Job
	err := l.f.read(ctx, func(s *state) error {
		row, err := s.job(id)
		job = copyJob(row.Job)
		return err
	})
	return job, err
}

func (l ledger) Find(ctx context.Context, text string) (storage.Job, error) {
	var job storage.Job
	err := l.f.read(ctx, func(s *state) error {
		id, ok := s.texts[text]
		if !ok {
			return fmt.Errorf("job %s: %w", text, storage.ErrNotFound)
		}
		job = copyJob(s.jobs[id].Job)
		return nil
	})
	return job, err
}

func (l ledger) List(ctx context.Context, f storage.JobFilter) iter.Seq2[storage.Job, error] {
	return yieldEach(ctx, func() ([]storage.Job, func(storage.Job) storage.Job, error) {
		var jobs []storage.Job
		err := l.f.read(ctx, func(s *state) error {
			for _, row := range s.jobs {
				if selects(f, row.Job) {
					jobs = append(jobs, row.Job)
				}
			}
			return nil
		})
		slices.SortFunc(jobs, newestFirst)
		if f.Limit > 0 {
			jobs = jobs[:min(f.Limit, len(jobs))]
		}
		return jobs, copyJob, err
	})
}

func newestFirst(a, b storage.Job) int {
	return cmp.Or(b.Created.Compare(a.Created), bytes.Compare(a.ID[:], b.ID[:]))
}

func selects(f storage.JobFilter, j storage.Job) bool {
	return (len(f.States) == 0 || slices.Contains(f.States, j.State)) &&
		(f.Kind == "" || f.Kind == j.Kind) &&
		(f.Model == "" || f.Model == j.Model) &&
		(f.Parent == uuid.Nil || f.Parent == j.Parent)
}

func (l ledger) Count(ctx context.Context) (map[storage.JobState]int64, error) {
	counts := map[storage.JobState]int64{}
	err := l.f.read(ctx, func(s *state) error {
		for _, row := range s.jobs {
			counts[row.State]++
		}
		return nil
	})
	return counts, err
}

func (l ledger) Chunks(ctx context.Context, job uuid.UUID) ([]storage.Chunk, error) {
	var chunks []storage.Chunk
	err := l.f.read(ctx, func(s *state) error {
		for _, c := range s.chunks[job] {
			chunks = append(chunks, storage.Chunk{No: c.No, Outcome: bytes.Clone(c.Outcome)})
		}
		return nil
	})
	return chunks, err
}

// findChunk returns where the chunk's row is or belongs.
func (s *state) findChunk(job uuid.UUID, no int) (int, bool) {
	return slices.BinarySearchFunc(s.chunks[job], no, func(c storage.Chunk, no int) int { return cmp.Compare(c.No, no) })
}

// addChunk inserts the row of a chunk that is done.
func (s *state) addChunk(job uuid.UUID, c storage.Chunk) {
	if i, found := s.findChunk(job, c.No); !found {
		c.Outcome = bytes.Clone(c.Outcome)
		s.chunks[job] = slices.Insert(s.chunks[job], i, c)
	}
}
