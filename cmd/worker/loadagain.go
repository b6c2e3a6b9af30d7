package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// cancelledWait is how long a load of the same archive that was cancelled is waited for.
const cancelledWait = 30 * time.Second

// uniqueKey is the key that loads of the same archive with the same options have in
// common, whatever the name or the form in which they were given.
func (l *load) uniqueKey(args jobs.Load) (string, error) {
	content, err := l.carrier.content()
	if err != nil {
		return "", err
	}
	same, err := json.Marshal([]any{content, args.OnDuplicate, args.Models, args.Allow, l.rulesOff})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(same)
	return "load:" + hex.EncodeToString(sum[:]), nil
}

// submitUnique submits the load, or makes the one of the same archive with the same
// options that has not ended the one that is waited for. Repeating a command that was
// killed continues its job so, instead of meeting the job's own resources as duplicates.
func (l *load) submitUnique(ctx context.Context, s *session) (jobs.Receipt, error) {
	chosen := l.options.unique || l.options.uniqueKey != "" // by the user, who is told of another one
	for _, row := range s.recalled {
		if row.Unique == l.envelope.Unique && row.Unique != "" && !row.Cancel && !chosen {
			return jobs.Receipt{ID: row.ID, Text: row.Text, Duplicate: true}, l.adopt(ctx, s, row)
		}
	}
	for {
		receipts, err := s.send(ctx, *l.envelope)
		if err == nil {
			return receipts[0], nil
		}
		exists, is := errors.AsType[*storage.JobExistsError](err)
		if !is || chosen {
			return jobs.Receipt{}, l.drop(ctx, s, err)
		}
		row, err := s.store.Ledger().Get(ctx, exists.Job)
		switch {
		case errors.Is(err, storage.ErrNotFound) || err == nil && row.State.Final():
			continue // it has ended just now
		case err != nil:
			return jobs.Receipt{}, fmt.Errorf("look at an unfinished load: %w", err)
		case !row.Cancel:
			return jobs.Receipt{ID: row.ID, Text: row.Text, Duplicate: true}, l.adopt(ctx, s, row)
		}
		if err := s.awaitEnd(ctx, row); err != nil {
			return jobs.Receipt{}, err
		}
	}
}

// awaitEnd waits for the end of a load that was cancelled.
func (s *session) awaitEnd(ctx context.Context, row storage.Job) error {
	within, stop := context.WithTimeout(ctx, cancelledWait)
	defer stop()
	_, err := s.follow(within, row.ID, nil)
	if within.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("a load of this archive was cancelled and has not ended: %w", &storage.JobExistsError{Job: row.ID, ID: row.Text, Unique: row.Unique})
	}
	return err
}

// drop removes the upload of a load that was refused.
func (l *load) drop(ctx context.Context, s *session, err error) error {
	if _, exists := errors.AsType[*storage.JobExistsError](err); !exists {
		return err // it may have been taken
	}
	return errors.Join(err, l.carrier.remove(ctx, s, l.job))
}

// adopt makes an unfinished load the one that is waited for.
func (l *load) adopt(ctx context.Context, s *session, row storage.Job) error {
	l.app.note("a load of this archive has not ended yet: continuing job %s", row.Text)
	if err := l.carrier.remove(ctx, s, l.job); err != nil {
		return err
	}
	l.job = row.Text
	l.carrier.adopt(l.job)
	return nil
}
