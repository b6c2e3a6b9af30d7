package disk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaTx is a change of metas that is being made.
type metaTx struct {
	m       *modelMetas
	ctx     context.Context
	files   *tree // set by Set
	changes []*fileChange
}

var _ storage.MetaTx = (*metaTx)(nil)

// fileChange is a change of one file.
type fileChange struct {
	storage.MetaChange
	name string
	temp string // the new file, "" once it has its name, or when there is none
	kept string // the other name of the file that was there, "" for none
	left bool   // another program has written meanwhile
}

// Begin begins a change. Whoever calls it sees to it that nobody else of ours writes.
func (m *modelMetas) Begin(ctx context.Context) (storage.MetaTx, error) {
	return &metaTx{m: m, ctx: ctx}, ctx.Err()
}

// Find returns the bytes of those metas that are there.
func (x *metaTx) Find(ids []resource.ID) (map[resource.ID][]byte, error) { return x.m.Find(x.ctx, ids) }

// Set writes the new files, durably but for their names.
func (x *metaTx) Set(changes []storage.MetaChange) error {
	if len(changes) == 0 {
		return x.ctx.Err()
	}
	fresh := make([]*fileChange, len(changes))
	for i, c := range changes {
		name, err := metaName(c.ID)
		if err != nil {
			return x.m.r.explain("write", err)
		}
		fresh[i] = &fileChange{MetaChange: c, name: name}
	}
	var err error
	if x.files, err = x.m.prepare(x.ctx); err != nil {
		return err
	}
	x.changes = append(x.changes, fresh...)
	err = x.m.each(x.ctx, len(fresh), func(i int) error {
		c := fresh[i]
		if c.New == nil {
			return nil
		}
		c.temp = x.files.tempName()
		return x.files.write(c.temp, c.New, x.m.r.now())
	})
	return x.m.r.explain("write", err)
}

// Commit gives the new files their names.
func (x *metaTx) Commit() ([]resource.ID, error) {
	if len(x.changes) == 0 {
		return nil, nil
	}
	ctx := context.WithoutCancel(x.ctx)
	err := x.each(ctx, func(c *fileChange) error { return c.make(x.files) })
	if err == nil {
		err = x.files.syncDir(".")
	}
	var left []resource.ID
	if err == nil {
		left, err = x.putBack(ctx)
	}
	_ = x.Rollback() // what cannot be removed now is swept when the store is opened again
	return left, x.m.r.explain("write", err)
}

func (x *metaTx) each(ctx context.Context, do func(*fileChange) error) error {
	return x.m.each(ctx, len(x.changes), func(i int) error { return do(x.changes[i]) })
}

// make makes a change, not durably.
func (c *fileChange) make(t *tree) error {
	if c.Old == nil {
		if c.New == nil {
			return nil
		}
		err := t.link(c.temp, c.name)
		c.left = errors.Is(err, fs.ErrExist)
		if c.left {
			return nil
		}
		return err
	}
	kept := t.tempName()
	var err error
	if c.New == nil {
		err = t.rename(c.name, kept)
	} else {
		err = t.link(c.name, kept)
	}
	if isAbsent(err) { // the original has removed it
		c.left = c.New != nil
		return nil
	}
	if err != nil {
		return err
	}
	c.kept = kept
	if c.New == nil {
		return nil
	}
	if err := t.rename(c.temp, c.name); err != nil {
		return err
	}
	c.temp = ""
	return nil
}

// putBack gives those files their names back that the original has written to since
// they were read, and returns which metas stay as it has left them.
func (x *metaTx) putBack(ctx context.Context) (left []resource.ID, err error) {
	if err := x.each(ctx, func(c *fileChange) error { return c.compare(ctx, x.files) }); err != nil {
		return nil, err
	}
	for _, c := range x.changes {
		if c.left {
			left = append(left, c.ID)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	return left, x.files.syncDir(".")
}

// compare puts the file that was there back unless it is as it was. What the original
// has written under the name since then is newer still, and stays.
func (c *fileChange) compare(ctx context.Context, t *tree) error {
	if c.kept == "" {
		return nil
	}
	was, err := readMeta(ctx, t, c.kept)
	if err != nil || bytes.Equal(was, c.Old) {
		return err
	}
	c.left = true
	if c.New == nil {
		if err := t.link(c.kept, c.name); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	}
	now, err := readMeta(ctx, t, c.name)
	if err != nil || !bytes.Equal(now, c.New) {
		return err
	}
	if err := t.rename(c.kept, c.name); err != nil {
		return err
	}
	c.kept = ""
	return nil
}

// Rollback removes what has no name of its own.
func (x *metaTx) Rollback() error {
	var temps []string
	for _, c := range x.changes {
		temps = append(temps, c.temp, c.kept)
	}
	x.changes = nil
	return x.m.r.explain("remove unused", x.m.removeTemps(x.files, temps))
}
