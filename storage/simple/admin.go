package simple

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Published records that queue holds the messages of the jobs, and where.
func (t Jobs) Published(queue uuid.UUID, places []storage.Place) {
	for _, p := range places {
		if row, ok := t.Rows[p.Job]; ok {
			p.NotBefore = p.NotBefore.Truncate(time.Microsecond)
			row.Place(queue, p)
			t.Rows[p.Job] = row
		}
	}
}

// edit applies fn to the row of a job and returns the job as it then is. An error
// of fn leaves the row as it was.
func (t Jobs) edit(id uuid.UUID, fn func(*storage.Job) error) (storage.Job, error) {
	row, err := t.row(id)
	if err != nil {
		return storage.Job{}, err
	}
	was := CopyJob(row.Job)
	if err := fn(&row.Job); err != nil {
		return was, err
	}
	t.Rows[id] = row
	return CopyJob(row.Job), nil
}

// Cancel ends a queued job at once and asks a running one to stop; ErrFinal,
// ErrNotFound.
func (t Jobs) Cancel(id uuid.UUID, now time.Time) (storage.Job, error) {
	return t.edit(id, func(j *storage.Job) error { return j.AskCancel(now) })
}

// Retry puts a refused, dead or cancelled job back to queued; ErrNotFound,
// ErrFinal, a *storage.JobExistsError.
func (t Jobs) Retry(id uuid.UUID) (storage.Job, error) {
	return t.edit(id, func(j *storage.Job) error {
		if err := j.Requeue(); err != nil {
			return err
		}
		if other, found := t.holder(j.Unique); found {
			return fmt.Errorf("retry job %s: %w", id, exists(other))
		}
		return nil
	})
}

// Drop removes the row of a job that has ended, with its chunks; ErrNotFound. What
// the job staged is the store's to remove.
func (t Jobs) Drop(id uuid.UUID) error {
	row, err := t.row(id)
	if err != nil {
		return err
	}
	if err := row.CheckDrop(); err != nil {
		return err
	}
	t.remove(row)
	return nil
}

// Prune removes jobs that ended before a time in one of the states and returns their
// ids. What they staged is the store's to remove.
func (t Jobs) Prune(before time.Time, states []storage.JobState) []uuid.UUID {
	var pruned []uuid.UUID
	for id, row := range t.Rows {
		if row.State.Final() && slices.Contains(states, row.State) && row.Finished.Before(before) {
			t.remove(row)
			pruned = append(pruned, id)
		}
	}
	return pruned
}

func (t Jobs) remove(row Row) {
	delete(t.Rows, row.ID)
	delete(t.Texts, row.Text)
	delete(t.Done, row.ID)
	delete(t.Plans, row.ID)
}

// Chunks returns the chunks of a job that are done, by number.
func (t Jobs) Chunks(job uuid.UUID) []storage.Chunk {
	var chunks []storage.Chunk
	for _, c := range t.Done[job] {
		chunks = append(chunks, storage.Chunk{No: c.No, Outcome: bytes.Clone(c.Outcome)})
	}
	return chunks
}

// HasChunk reports whether a chunk of a job is done.
func (t Jobs) HasChunk(job uuid.UUID, no int) bool {
	_, found := t.findChunk(job, no)
	return found
}

// findChunk returns where the chunk's row is or belongs.
func (t Jobs) findChunk(job uuid.UUID, no int) (int, bool) {
	return slices.BinarySearchFunc(t.Done[job], no, func(c storage.Chunk, no int) int { return cmp.Compare(c.No, no) })
}

// AddChunk inserts the row of a chunk that is done.
func (t Jobs) AddChunk(job uuid.UUID, c storage.Chunk) {
	if i, found := t.findChunk(job, c.No); !found {
		c.Outcome = bytes.Clone(c.Outcome)
		t.Done[job] = slices.Insert(t.Done[job], i, c)
	}
}

// RemoveChunks forgets that chunks of a job were done, and with the last one its plan.
func (t Jobs) RemoveChunks(job uuid.UUID, which func(no int) bool) {
	t.Done[job] = slices.DeleteFunc(t.Done[job], func(c storage.Chunk) bool { return which(c.No) })
	if len(t.Done[job]) == 0 {
		delete(t.Done, job)
		delete(t.Plans, job)
	}
}
