package jobs

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
)

const (
	// targetBuffer is how many bytes a target gets at once.
	targetBuffer = 1 << 20
	// discardFor is how long is tried to remove what a dump that failed has written.
	discardFor = 15 * time.Second
)

// Dump writes an archive of the store to the target that d names: all of it or nothing.
func (w *CatalogWork) Dump(ctx context.Context, c storage.Claim, by Actor, d Dump, progress func(storage.Progress)) (out DumpOutcome, err error) {
	o := manager.DumpOptions{Models: d.Models}
	if d.Query != nil {
		q, err := qb.ParseQuery(d.Query)
		if err != nil {
			return out, &RefusedError{Code: CodeEnvelope, Err: err}
		}
		o.Query = opt.Of(q)
	}
	life := &lifeSigns{report: progress}
	o.Progress = life.progress
	f, err := w.Targets.Create(ctx, d.Target, c.Job, c.Token)
	if err != nil {
		return out, err
	}
	out.Target, out.Snapshot = f.Name(), time.Now().UTC()
	if n, ok := f.(interface{ Object() string }); ok {
		out.Object = n.Object()
	}
	sum := sha256.New()
	out.DumpStats, err = writeTarget(ctx, f, func(to io.Writer) (manager.DumpStats, error) {
		return w.as(by).DumpTo(ctx, io.MultiWriter(to, sum, life), o)
	})
	if err != nil {
		return DumpOutcome{}, err
	}
	out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return out, nil
}

// writeTarget gives a target the content that write writes, all of it or nothing.
func writeTarget(ctx context.Context, f TargetFile, write func(io.Writer) (manager.DumpStats, error)) (stats manager.DumpStats, err error) {
	buf := bufio.NewWriterSize(f, targetBuffer)
	err = guard(func() (err error) {
		stats, err = write(buf)
		return err
	})
	if err == nil {
		err = buf.Flush()
	}
	if err == nil {
		err = context.Cause(ctx) // the claim may be another's by now
	}
	if err == nil {
		err = f.Commit(ctx)
	}
	if err == nil {
		return stats, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardFor)
	defer cancel()
	if derr := f.Discard(ctx); derr != nil {
		err = fmt.Errorf("%w; what was written could not be removed: %w", err, derr)
	}
	return stats, err
}

// Verify lists what is wrong with the store. Of the models those that the actor may dump
// as a whole are verified, or none.
func (w *CatalogWork) Verify(ctx context.Context, by Actor, v Verify, progress func(storage.Progress)) (manager.Findings, error) {
	f, err := w.as(by).VerifyWith(ctx, manager.VerifyOptions{Models: v.Models, Progress: progress})
	if err != nil {
		return manager.Findings{}, err
	}
	f.Problems, f.Notes = listed(f.Problems), listed(f.Notes)
	return f, nil
}

// listed are findings with messages that a row of the ledger has room for.
func listed(problems []manager.Problem) []manager.Problem {
	short := make([]manager.Problem, len(problems))
	for i, p := range problems {
		p.Message = truncate(p.Message, maxMessageText)
		short[i] = p
	}
	return short
}
