package disk

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"

	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// replacedDir holds contents under their uids while others take their places: in two
// steps, which a crash may part.
const replacedDir = ownDir + "/replaced"

// overwrite moves what is in a content's place out of the way, and the new content to
// the place. It returns where the old content is. The caller holds the lock.
func overwrite(t *tree, temp, place string) (old string, err error) {
	for {
		if old, err = moveAside(t, place); err != nil {
			return "", err
		}
		err = t.rename(temp, place)
		if err == nil {
			return old, nil
		}
		// Who puts into a free place holds no lock: what it put there is old now.
		if !isTaken(err) {
			return "", errors.Join(err, ignoreAbsent(t.rename(old, place)))
		}
	}
}

// moveAside moves what is in a content's place to where a crash leaves it to be found.
// The caller holds the lock.
func moveAside(t *tree, place string) (old string, err error) {
	old = path.Join(replacedDir, path.Base(place))
	if err := errors.Join(t.mkdir(replacedDir), t.syncDir(ownDir)); err != nil {
		return "", err
	}
	// What a crash left there has been replaced.
	if err := t.removeAll(old); err != nil {
		return "", err
	}
	return old, ignoreAbsent(t.rename(place, old))
}

// restoreReplaced gives contents their places back that a crash has parted from them.
func (m *modelFiles) restoreReplaced(ctx context.Context, t *tree) (err error) {
	left, err := entries(t.Root, replacedDir)
	if err != nil || len(left) == 0 {
		return ignoreAbsent(err)
	}
	release, err := m.lock.Hold(ctx, t.Root, filelock.Exclusive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	// Whoever held the lock until now may have ended what is in the list.
	if left, err = entries(t.Root, replacedDir); err != nil {
		return err
	}
	errs := make([]error, len(left))
	for i, e := range left {
		errs[i] = restoreOne(t, e)
	}
	return errors.Join(slices.Concat(errs, []error{t.syncDir(contentsDir)})...)
}

// restoreOne brings a content back unless another one has its place.
func restoreOne(t *tree, e os.DirEntry) error {
	old, place := path.Join(replacedDir, e.Name()), path.Join(contentsDir, e.Name())
	_, err := t.Lstat(place)
	switch {
	case isAbsent(err):
		return t.rename(old, place)
	case err != nil:
		return err
	}
	return t.removeAll(old)
}
