package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// unfinished returns the load of the same archive with the same options that has
// not ended yet. Repeating a command that was killed continues its job so,
// instead of meeting the job's own resources as duplicates.
func (l *load) unfinished(ctx context.Context, s *session, mine jobs.Load) (storage.Job, bool, error) {
	filter := storage.JobFilter{
		States: []storage.JobState{storage.JobQueued, storage.JobRunning},
		Kind:   string(jobs.KindLoad),
	}
	for row, err := range s.store.Ledger().List(ctx, filter) {
		if err != nil {
			return storage.Job{}, false, fmt.Errorf("look for an unfinished load: %w", err)
		}
		e, err := jobs.Decode(row.Envelope)
		if err != nil {
			continue // whoever runs it says what is wrong with it
		}
		other, ok := e.Args.(jobs.Load)
		if !ok || row.Cancel || e.RulesOff != l.rulesOff || !sameOptions(mine, other) {
			continue
		}
		same, err := upload.Same(l.dir, l.put.Name, strings.TrimPrefix(other.Source, uploadScheme))
		if same || err != nil {
			return row, same, err
		}
	}
	return storage.Job{}, false, nil
}

// sameOptions reports whether two loads treat what they load alike.
func sameOptions(a, b jobs.Load) bool {
	return strings.HasPrefix(b.Source, uploadScheme) && a.Size == b.Size && a.OnDuplicate == b.OnDuplicate &&
		slices.Equal(a.Models, b.Models) && slices.Equal(a.Allow, b.Allow)
}

// adopt makes an unfinished load the one that is waited for.
func (l *load) adopt(row storage.Job) error {
	l.app.note("a load of this archive has not ended yet: continuing job %s", row.Text)
	if err := os.Remove(filepath.Join(l.dir, l.put.Name)); err != nil {
		return fmt.Errorf("remove upload: %w", err)
	}
	l.job, l.put.Name = row.Text, upload.Name(row.Text)
	return nil
}
