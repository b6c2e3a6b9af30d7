package disk

import (
	"context"
	"errors"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// Put stores contents under uids that are free. Of several contents with one uid
// the first is stored. A content that is there already is made durable, whoever
// wrote it, and as new as one that is just written.
func (m *modelFiles) Put(ctx context.Context, contents []storage.Content) ([]bool, error) {
	if len(contents) == 0 {
		return nil, nil
	}
	first, err := firsts(contents)
	if err != nil {
		return nil, m.r.explain("put", err)
	}
	t, err := m.prepare(ctx)
	if err != nil {
		return nil, err
	}
	stored := make([]bool, len(contents))
	err = m.each(ctx, len(contents), func(i int) (err error) {
		if first[i] {
			stored[i], err = m.put(ctx, t, contents[i])
		}
		return err
	})
	if err != nil {
		return nil, m.r.explain("put", err)
	}
	if err := t.syncDir(contentsDir); err != nil {
		return nil, m.r.explain("put", errors.Join(err, m.discard(ctx, t, contents, stored)))
	}
	return stored, nil
}

// firsts tells for each content whether it is the first of its uid.
func firsts(contents []storage.Content) ([]bool, error) {
	first := make([]bool, len(contents))
	seen := make(map[string]bool, len(contents))
	for i, c := range contents {
		if err := checkName("uid", c.UID); err != nil {
			return nil, err
		}
		if len(c.Info) == 0 {
			return nil, errors.New("content " + c.UID + " has no info")
		}
		first[i] = !seen[c.UID]
		seen[c.UID] = true
	}
	return first, nil
}

// put stores one content; false when there is one of its uid.
func (m *modelFiles) put(ctx context.Context, t *tree, c storage.Content) (stored bool, err error) {
	place, err := contentPath(c.UID)
	if err != nil {
		return false, err
	}
	if kept, err := m.keep(t, place); kept || err != nil {
		return false, err
	}
	temp, err := m.writeTemp(t, c)
	if err != nil {
		return false, err
	}
	err = t.rename(temp, place)
	if isTaken(err) {
		stored, err = m.settle(ctx, t, temp, place)
	} else {
		stored = err == nil
	}
	if !stored {
		err = errors.Join(err, t.removeAll(temp))
	}
	return stored, err
}

// writeTemp writes a content to a new directory that nobody finds, durably except
// for the name of the directory.
func (m *modelFiles) writeTemp(t *tree, c storage.Content) (string, error) {
	temp, now := t.tempName(), m.r.now()
	err := t.mkdir(temp)
	if err == nil {
		err = t.write(temp+"/"+dataFile, c.Data, now)
	}
	if err == nil {
		err = t.write(temp+"/"+infoFile, c.Info, now)
	}
	if err == nil {
		err = t.syncDir(temp)
	}
	if err != nil {
		return "", errors.Join(err, t.removeAll(temp))
	}
	return temp, nil
}

// settle stores a written content where a rename met a directory. A torn content is
// moved away; that needs the lock, or what another process has just put in its
// place would be moved. A place that is free for a moment may be taken by who holds no
// lock, whose content then stays.
func (m *modelFiles) settle(ctx context.Context, t *tree, temp, place string) (stored bool, err error) {
	release, err := m.lock.Hold(ctx, t.Root, filelock.Exclusive)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	var torn []string
	defer func() { err = errors.Join(err, m.removeTemps(t, torn)) }()
	for {
		if err := t.rename(temp, place); !isTaken(err) {
			return err == nil, err
		}
		if kept, err := m.keep(t, place); kept || err != nil {
			return false, err
		}
		old, err := moveAside(t, place)
		if err != nil {
			return false, err
		}
		torn = []string{old}
	}
}

// discard removes contents that this call stored and whose names it could not make
// durable.
func (m *modelFiles) discard(ctx context.Context, t *tree, contents []storage.Content, stored []bool) error {
	var uids []string
	for i, c := range contents {
		if stored[i] {
			uids = append(uids, c.UID)
		}
	}
	olds, err := m.moveAway(ctx, t, uids)
	return errors.Join(err, m.removeTemps(t, olds))
}
