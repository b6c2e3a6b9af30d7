package disk

import (
	"context"
	"errors"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// Replace stores contents under their uids; of several with one uid the last stays.
// A reader finds the old content or the new one. Only where the file system cannot
// exchange two directories, as some network file systems, there is none for a
// moment; after a crash in that moment the old one is back when the next process
// writes to the model.
func (m *modelFiles) Replace(ctx context.Context, contents []storage.Content) error {
	if len(contents) == 0 {
		return nil
	}
	last := make(map[string]storage.Content, len(contents))
	for _, c := range contents {
		last[c.UID] = c
	}
	contents = contents[:0:0]
	for _, c := range last {
		contents = append(contents, c)
	}
	if _, err := firsts(contents); err != nil {
		return m.r.explain("replace", err)
	}
	t, err := m.prepare(ctx)
	if err != nil {
		return err
	}
	temps := make([]string, len(contents))
	err = m.each(ctx, len(contents), func(i int) (err error) {
		temps[i], err = m.writeTemp(t, contents[i])
		return err
	})
	var olds []string
	if err == nil {
		olds, err = m.swap(ctx, t, temps, contents)
	}
	return m.r.explain("replace", errors.Join(err, m.removeTemps(t, append(temps, olds...))))
}

// swap brings written contents to their places and blanks their temporary names. It
// returns where the old contents are, unless it could not make that durable: then
// they are still needed.
func (m *modelFiles) swap(ctx context.Context, t *tree, temps []string, contents []storage.Content) (olds []string, err error) {
	release, err := m.lock.Hold(ctx, t.Root, filelock.Exclusive)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	for i, c := range contents {
		place, err := contentPath(c.UID)
		if err != nil {
			return nil, err
		}
		old, err := swapOne(t, temps[i], place)
		if err != nil {
			return nil, err
		}
		temps[i] = ""
		olds = append(olds, old)
	}
	if err := t.syncDir(contentsDir); err != nil {
		return nil, err
	}
	return olds, nil
}

// swapOne returns where the old content is, "" when there was none.
func swapOne(t *tree, temp, place string) (old string, err error) {
	if _, err := isWhole(t, place); err != nil {
		return "", err // something else than a content is in the place
	}
	if err := t.rename(temp, place); !isTaken(err) {
		return "", err
	}
	err = t.exchange(temp, place)
	if errors.Is(err, errors.ErrUnsupported) {
		return overwrite(t, temp, place)
	}
	return temp, err
}
