package disk

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/specstar-worker/worker/resource"

	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// RemoveEntries removes entries, and the directories that are empty then.
func (m *modelFiles) RemoveEntries(ctx context.Context, keys []resource.RevisionKey) error {
	t, paths, err := m.toRemove(keys)
	if err != nil || t == nil || len(paths) == 0 {
		return errors.Join(err, ctx.Err())
	}
	err = m.each(ctx, len(paths), func(i int) error { return removeLink(t, paths[i]) })
	return m.r.explain("remove entries of", errors.Join(err, m.syncEntries(ctx, t, paths)))
}

// toRemove returns where entries are that may be there; no tree when there are none.
func (m *modelFiles) toRemove(keys []resource.RevisionKey) (*tree, []linkPath, error) {
	if m.r.readOnly {
		return nil, nil, m.r.explain("remove entries of", errReadOnly)
	}
	t, err := m.open()
	if err != nil || t == nil {
		return nil, nil, err
	}
	paths := make([]linkPath, 0, len(keys))
	for _, k := range keys {
		if p, err := entryPath(k); err == nil { // no other can be there
			paths = append(paths, p)
		}
	}
	return t, paths, nil
}

// removeLink removes a link with the directories above it that it leaves empty.
func removeLink(t *tree, p linkPath) error {
	for _, name := range []string{p.link, p.revision, p.resource} {
		err := t.remove(name)
		if name != p.link && (errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist)) {
			return nil
		}
		if err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}

// RemoveContents removes contents: each is gone in one step.
func (m *modelFiles) RemoveContents(ctx context.Context, uids []string) error {
	if m.r.readOnly {
		return m.r.explain("remove", errReadOnly)
	}
	t, err := m.open()
	if err != nil || t == nil || len(uids) == 0 {
		return errors.Join(err, ctx.Err())
	}
	// The original, which made the directory, has no place for what is moved away.
	if t, err = m.prepare(ctx); err != nil {
		return err
	}
	olds, err := m.moveAway(ctx, t, uids)
	return m.r.explain("remove", errors.Join(err, m.removeTemps(t, olds)))
}

// moveAway makes contents invisible, durably, and returns where they are now.
func (m *modelFiles) moveAway(ctx context.Context, t *tree, uids []string) (olds []string, err error) {
	release, err := m.lock.Hold(ctx, t.Root, filelock.Exclusive)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	for _, uid := range uids {
		place, err := contentPath(uid)
		if err != nil {
			continue // there can be none
		}
		if err := ctx.Err(); err != nil {
			return olds, err
		}
		old := t.tempName()
		switch err := t.rename(place, old); {
		case isAbsent(err):
		case err != nil:
			return olds, err
		default:
			olds = append(olds, old)
		}
	}
	return olds, t.syncDir(contentsDir)
}

// removeTemps removes what is under temporary names; empty ones are none. It goes
// on when the caller has given up, so that nothing is left behind.
func (m *modelDir) removeTemps(t *tree, temps []string) error {
	return m.each(context.Background(), len(temps), func(i int) error {
		if temps[i] == "" {
			return nil
		}
		return t.removeAll(temps[i])
	})
}
