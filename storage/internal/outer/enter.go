package outer

import (
	"context"
	"errors"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Enter makes the keys lead to the contents. A key that somebody else claimed gives
// [ErrTaken]: its number is burned.
func (w *Writer) Enter(ctx context.Context) error {
	if err := w.Claim(ctx); err != nil {
		return err
	}
	return w.Point(ctx)
}

// Claim makes the entries of keys that nothing led to. A key that somebody else
// claimed gives [ErrTaken]. Once begun it goes on for a while after ctx has ended: of
// a request that is cut nobody knows whether it comes to pass after the entry was
// taken back.
//
// What is adopted is written again now that the metas are locked: since it was looked
// at, who died may have been cleaned up after.
func (w *Writer) Claim(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, end := lingering(ctx)
	defer end()
	if len(w.adopted) > 0 {
		if err := w.c.Medium.Replace(ctx, w.adopted); err != nil {
			return err
		}
	}
	owners, err := w.c.Medium.Claim(ctx, w.claims)
	taken := false
	for i, e := range w.claims {
		switch {
		case err != nil && (i >= len(owners) || owners[i] == ""): // made or not
			w.claimed = append(w.claimed, e)
		case owners[i] == e.UID:
			w.claimed = append(w.claimed, e)
		default:
			taken = true
		}
	}
	if err == nil && taken {
		err = ErrTaken
	}
	return err
}

// linger is how long a claim goes on when nobody waits for it any more.
const linger = 3 * time.Second

// lingering returns a context that ends when end is called, or linger after ctx.
func lingering(ctx context.Context) (_ context.Context, end func()) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(linger)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-lasting.Done():
		}
	})
	return lasting, func() {
		stop()
		cancel(nil)
	}
}

// Replace replaces contents that their own keys lead to.
func (w *Writer) Replace(ctx context.Context) error {
	if len(w.replace) == 0 {
		return nil
	}
	return w.c.Medium.Replace(ctx, w.replace)
}

// Point replaces contents that their own keys lead to, and makes keys that lead
// elsewhere lead to their contents.
func (w *Writer) Point(ctx context.Context) error {
	if err := w.Replace(ctx); err != nil {
		return err
	}
	if len(w.points) == 0 {
		return nil
	}
	return w.c.Medium.Point(ctx, w.points)
}

// Save stores revisions outside of a unit of work: somebody who makes an entry
// meanwhile is written over.
func (w *Writer) Save(ctx context.Context, revisions []resource.Revision) error {
	err := w.Put(ctx, revisions, func(resource.RevisionKey) bool { return false })
	if err == nil {
		err = w.Enter(ctx)
	}
	if errors.Is(err, ErrTaken) {
		if err = w.c.Medium.Point(ctx, w.claims); err == nil {
			err = w.Point(ctx)
		}
	}
	return err
}

// TakeBack removes the entries of a unit that failed, but those that somebody has made
// to lead elsewhere since. What cannot be removed is a revision that no meta counts;
// its number stays burned.
func (w *Writer) TakeBack(ctx context.Context) error {
	claimed := w.claimed
	w.claimed = nil
	return RemoveEntries(context.WithoutCancel(ctx), w.c.Medium, claimed)
}

// Leads returns where the keys of the unit will lead.
func (w *Writer) Leads() map[resource.RevisionKey]string {
	leads := map[resource.RevisionKey]string{}
	for _, list := range [][]storage.Entry{w.claims, w.points, w.stay} {
		for _, e := range list {
			leads[e.Key] = e.UID
		}
	}
	return leads
}
