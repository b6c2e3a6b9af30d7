package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// maxTries is how often an entry is made anew when its directory is removed at the
// same time.
const maxTries = 100

// Claim makes entries for keys that have none; of several with one key, one wins.
func (m *modelFiles) Claim(ctx context.Context, list []storage.Entry) ([]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	paths, err := entryPaths(list)
	if err != nil {
		return nil, m.r.explain("claim entries of", err)
	}
	t, err := m.prepare(ctx)
	if err != nil {
		return nil, err
	}
	uids, made := make([]string, len(list)), make([]bool, len(list))
	err = m.each(ctx, len(list), func(i int) (err error) {
		uids[i], made[i], err = link(t, paths[i], list[i].UID)
		return err
	})
	if err != nil {
		return nil, m.r.explain("claim entries of", err)
	}
	// Links of others are made durable too: they may not have got that far.
	if err := m.syncEntries(ctx, t, paths); err != nil {
		return nil, m.r.explain("claim entries of", errors.Join(err, unlink(t, paths, made)))
	}
	return uids, nil
}

// entryPaths returns where entries are, or why one cannot be.
func entryPaths(list []storage.Entry) ([]linkPath, error) {
	paths := make([]linkPath, len(list))
	for i, e := range list {
		p, err := entryPath(e.Key)
		if err == nil {
			err = checkName("uid", e.UID)
		}
		if err != nil {
			return nil, err
		}
		paths[i] = p
	}
	return paths, nil
}

// link makes a link, or returns the uid that the one which is there leads to.
func link(t *tree, p linkPath, uid string) (found string, made bool, err error) {
	for range maxTries {
		err = t.symlink(targetPrefix+uid, p.link)
		switch {
		case err == nil:
			return uid, true, nil
		case errors.Is(err, fs.ErrNotExist):
			if err := makeEntryDirs(t, p); err != nil {
				return "", false, err
			}
		case errors.Is(err, fs.ErrExist):
			if found, err := readLink(t, p.link); found != "" || err != nil {
				return found, false, err
			}
		default:
			return "", false, err
		}
	}
	return "", false, err
}

// makeEntryDirs makes the directories that hold a link. Somebody who removes other
// entries may remove them before the link is there.
func makeEntryDirs(t *tree, p linkPath) error {
	if err := t.mkdir(p.resource); err != nil {
		return err
	}
	if err := t.mkdir(p.revision); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unlink removes links that were made and may not be durable.
func unlink(t *tree, paths []linkPath, made []bool) error {
	var errs []error
	for i, p := range paths {
		if made[i] {
			errs = append(errs, removeLink(t, p))
		}
	}
	return errors.Join(errs...)
}

// Point makes keys lead to uids, each in one step; of several entries with one key
// the last stays.
func (m *modelFiles) Point(ctx context.Context, list []storage.Entry) error {
	if len(list) == 0 {
		return nil
	}
	last := make(map[resource.RevisionKey]storage.Entry, len(list))
	for _, e := range list {
		last[e.Key] = e
	}
	list = list[:0:0]
	for _, e := range last {
		list = append(list, e)
	}
	paths, err := entryPaths(list)
	if err != nil {
		return m.r.explain("point entries of", err)
	}
	t, err := m.prepare(ctx)
	if err != nil {
		return err
	}
	err = m.each(ctx, len(list), func(i int) error { return relink(t, paths[i], list[i].UID) })
	if err == nil {
		err = m.syncEntries(ctx, t, paths)
	}
	return m.r.explain("point entries of", err)
}

// relink makes a link, whatever link is there.
func relink(t *tree, p linkPath, uid string) error {
	temp := t.tempName()
	if err := t.symlink(targetPrefix+uid, temp); err != nil {
		return err
	}
	var err error
	for range maxTries {
		if err = t.rename(temp, p.link); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err = makeEntryDirs(t, p); err != nil {
			break
		}
	}
	if err != nil {
		return errors.Join(err, t.removeAll(temp))
	}
	return nil
}

// syncEntries makes durable which links there are. The directories above are
// included: whoever made them may have crashed before.
func (m *modelFiles) syncEntries(ctx context.Context, t *tree, paths []linkPath) error {
	seen := map[string]bool{}
	var dirs []string
	for _, p := range paths {
		for _, dir := range []string{p.revision, p.resource, entriesDir} {
			if !seen[dir] {
				seen[dir] = true
				dirs = append(dirs, dir)
			}
		}
	}
	return m.each(ctx, len(dirs), func(i int) error {
		if err := t.syncDir(dirs[i]); err != nil && !isAbsent(err) { // removed meanwhile, with its links
			return err
		}
		return nil
	})
}

// readLink returns the uid a link leads to, "" when it is not there.
func readLink(t linkReader, name string) (string, error) {
	target, err := t.Readlink(name)
	switch {
	case isAbsent(err):
		return "", nil
	case errors.Is(err, syscall.EINVAL):
		return "", fmt.Errorf("%s is not a symbolic link", name)
	case err != nil:
		return "", err
	}
	uid, ok := parseTarget(target)
	if !ok {
		return "", fmt.Errorf("the symbolic link %s leads to %q instead of to a content", name, target)
	}
	return uid, nil
}

// linkReader is what readLink needs of a directory.
type linkReader interface {
	Readlink(name string) (string, error)
}
