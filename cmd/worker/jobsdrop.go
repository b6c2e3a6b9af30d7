package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// drop forgets jobs that have ended, first what the queue still holds of them: a
// message without a row is a new job.
func (s *session) drop(ctx context.Context, chosen []storage.Job, dropped *[]storage.Job) error {
	ended, subjects := map[string]bool{}, []string{}
	for _, j := range chosen {
		if !j.State.Final() {
			return &failure{
				Exit: exitError, Code: "not_final", JobID: j.Text,
				Message: fmt.Sprintf("job %s is %s; cancel it first", j.Text, j.State),
			}
		}
		if ended[j.Text] = true; j.Subject != "" && !slices.Contains(subjects, j.Subject) {
			subjects = append(subjects, j.Subject)
		}
	}
	if err := s.publisher.Remove(ctx, subjects, ended); err != nil {
		return err
	}
	for _, j := range chosen {
		// The letter before the row: one without a row would become a row again.
		if err := s.letters.DiscardAll(ctx, j.ID); err != nil {
			return fmt.Errorf("drop job %s: %w", j.Text, err)
		}
		if err := s.store.Ledger().Drop(ctx, j.ID); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("drop job %s: %w", j.Text, err)
		}
		*dropped = append(*dropped, j)
		if j.Kind != string(jobs.KindLoad) {
			continue
		}
		if err := upload.Remove(s.uploads, j.Text); err != nil {
			return fmt.Errorf("drop job %s: %w", j.Text, err)
		}
	}
	return nil
}
