package check

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// markless shows no mark.
type markless struct{ storage.View }

func (markless) Mark(uuid.UUID) (storage.Mark, bool) { return storage.Mark{}, false }

// marksApart raises marks although the rest of their unit fails.
type marksApart struct{ storage.UnitOfWork }

func (u marksApart) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	var marks []storage.Mark
	err := u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		w, err := compute(v)
		marks = w.Marks
		return w, err
	})
	if err != nil && len(marks) > 0 {
		_ = u.UnitOfWork.Update(ctx, b, func(storage.View) (storage.Writes, error) { return storage.Writes{Marks: marks}, nil })
	}
	return err
}

// lowersMarks writes marks whatever is there.
type lowersMarks struct {
	storage.UnitOfWork
	l storage.Ledger
}

func (u lowersMarks) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	read := errors.New("only read")
	lower := false
	_ = u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		w, _ := compute(v)
		for i := range w.Marks {
			m, there := v.Mark(w.Marks[i].Key)
			lower = lower || there && w.Marks[i].Compare(m) < 0
		}
		return storage.Writes{}, read
	})
	if lower {
		if _, err := u.l.PruneMarks(ctx, noon.Add(time.Hour)); err != nil {
			return err
		}
	}
	return u.UnitOfWork.Update(ctx, b, compute)
}

// earlyMarks shows the marks as they were before the unit waited for others.
type earlyMarks struct{ storage.UnitOfWork }

func (u earlyMarks) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	early := map[uuid.UUID]storage.Mark{}
	read := errors.New("only read")
	err := u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		for _, key := range b.Marks {
			if m, there := v.Mark(key); there {
				early[key] = m
			}
		}
		return storage.Writes{}, read
	})
	if !errors.Is(err, read) {
		return err
	}
	time.Sleep(time.Millisecond)
	return u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) { return compute(earlyView{v, early}) })
}

type earlyView struct {
	storage.View
	early map[uuid.UUID]storage.Mark
}

func (v earlyView) Mark(key uuid.UUID) (storage.Mark, bool) {
	m, there := v.early[key]
	return m, there
}

// hoarder removes no mark.
type hoarder struct{ storage.Ledger }

func (hoarder) PruneMarks(ctx context.Context, _ time.Time) (int64, error) { return 0, ctx.Err() }

// rootless forgets where the message of a job was before.
type rootless struct{ storage.Ledger }

func (l rootless) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	j, err := l.Ledger.Get(ctx, id)
	j.Origin = storage.Origin{}
	return j, err
}
