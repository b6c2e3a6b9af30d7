package consumer

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/storage"
)

// abandonedAfter is the age from which the parts of an object that was never finished
// were left by a process that died.
const abandonedAfter = 24 * time.Hour

// Unneeded returns how many objects there are that needed does not want to keep, and
// how many bytes they have. needed is told an object's name and when it was put.
func (o *Objects) Unneeded(ctx context.Context, needed func(name string, put time.Time) (bool, error)) (t storage.Tally, err error) {
	_, gone, err := o.sort(ctx, needed)
	for _, info := range gone {
		t.Count++
		t.Bytes += int64(info.Size)
	}
	return t, err
}

// Sweep removes the objects that needed does not want to keep, and the parts that
// processes which died in the middle of a Put left more than a day ago.
func (o *Objects) Sweep(ctx context.Context, needed func(name string, put time.Time) (bool, error)) error {
	kept, gone, err := o.sort(ctx, needed)
	if err != nil {
		return err
	}
	for _, info := range gone {
		if err := o.Remove(ctx, info.Name); err != nil {
			return err
		}
	}
	return o.sweepParts(ctx, kept)
}

// sort lists the objects that are needed, and the others.
func (o *Objects) sort(ctx context.Context, needed func(string, time.Time) (bool, error)) (kept, gone []*jetstream.ObjectInfo, err error) {
	b, err := o.bind(ctx)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	listing, stop := context.WithTimeout(ctx, objectPatience)
	defer stop()
	all, err := b.List(listing)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil, o.failed("list it", err)
	}
	for _, info := range all {
		keep, err := needed(info.Name, info.ModTime)
		if err != nil {
			return nil, nil, err
		}
		if keep {
			kept = append(kept, info)
		} else {
			gone = append(gone, info)
		}
	}
	return kept, gone, nil
}

// sweepParts removes old parts of no object.
func (o *Objects) sweepParts(ctx context.Context, kept []*jetstream.ObjectInfo) error {
	s, err := o.api.get().Stream(ctx, o.stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return o.failed("list its parts", err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(o.partsOf("*")))
	if err != nil {
		return o.failed("list its parts", err)
	}
	of := make(map[string]bool, len(kept))
	for _, k := range kept {
		of[o.partsOf(k.NUID)] = true
	}
	for subject := range info.State.Subjects {
		if of[subject] || !strings.HasPrefix(subject, o.partsOf("")) {
			continue
		}
		if err := o.sweepPart(ctx, s, subject); err != nil {
			return o.failed("remove parts of what was not finished", err)
		}
	}
	return nil
}

// sweepPart removes the parts with a subject when the last of them is old.
func (o *Objects) sweepPart(ctx context.Context, s jetstream.Stream, subject string) error {
	last, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil // it was removed meanwhile
	}
	if err != nil || time.Since(last.Time) < abandonedAfter {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(subject))
}
