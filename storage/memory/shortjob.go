package memory

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func (l ledger) Attempt(ctx context.Context, jobs []storage.Job) ([]storage.Job, error) {
	rows := make([]storage.Job, len(jobs))
	err := l.f.write(ctx, func(s *state) error {
		now := l.f.now()
		counted := map[uuid.UUID]bool{}
		for _, j := range jobs {
			row, ok := s.jobs[j.ID]
			if !ok {
				j.State, j.Attempt = storage.JobQueued, 0
				row = s.add(j, now)
			}
			if !row.State.Final() && !counted[j.ID] {
				row.Attempt++
				row.Started = now
				s.jobs[j.ID] = row
			}
			counted[j.ID] = true
		}
		for i, j := range jobs {
			rows[i] = copyJob(s.jobs[j.ID].Job)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (l ledger) Refund(ctx context.Context, ids []uuid.UUID) error {
	return l.f.write(ctx, func(s *state) error {
		for _, id := range ids {
			if row, ok := s.jobs[id]; ok && !row.State.Final() {
				row.refund()
				s.jobs[id] = row
			}
		}
		return nil
	})
}

func (l ledger) Settle(ctx context.Context, jobs []storage.Job) error {
	for _, j := range jobs {
		if err := j.State.CheckFinal(); err != nil {
			return fmt.Errorf("settle job %s: %w", j.ID, err)
		}
	}
	return l.f.write(ctx, func(s *state) error {
		now := l.f.now()
		for _, j := range jobs {
			s.settle(j, now)
		}
		return nil
	})
}

// settle makes the final row of j, unless it has ended already. A row that is
// there keeps what is known of its submission.
func (s *state) settle(j storage.Job, now time.Time) {
	row, ok := s.jobs[j.ID]
	if ok && row.State.Final() {
		return
	}
	if !ok {
		row = s.add(j, now)
	}
	row.Attempt = max(row.Attempt, j.Attempt)
	if j.Total > 0 {
		row.Done, row.Total = j.Done, j.Total
	}
	if len(row.Envelope) == 0 {
		row.Envelope = bytes.Clone(j.Envelope)
	}
	if !j.Finished.IsZero() {
		now = copyJob(j).Finished
	}
	row.end(storage.Final{State: j.State, Outcome: j.Outcome, ErrorCode: j.ErrorCode, ErrorMessage: j.ErrorMessage}, now)
	s.jobs[j.ID] = row
}
