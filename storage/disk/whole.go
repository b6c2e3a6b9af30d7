package disk

import (
	"errors"
	"fmt"
	"io/fs"
)

// isWhole reports whether there is a content in a place: info with bytes and data.
// The original writes data before info, so one without info is torn.
func isWhole(t *tree, place string) (bool, error) {
	dir, err := t.Lstat(place)
	if isAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !dir.IsDir() {
		return false, fmt.Errorf("%s is not the directory of a content", place)
	}
	for _, name := range []string{infoFile, dataFile} {
		f, err := t.Lstat(place + "/" + name)
		if isAbsent(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !f.Mode().IsRegular() {
			return false, fmt.Errorf("%s/%s is not a file", place, name)
		}
		if name == infoFile && f.Size() == 0 {
			return false, nil
		}
	}
	return true, nil
}

// keep reports whether there is a whole content in a place, which it makes new and
// durable: whoever wrote it may not have got that far, and the original does not
// try.
func (m *modelFiles) keep(t *tree, place string) (bool, error) {
	whole, err := isWhole(t, place)
	if !whole || err != nil {
		return false, err
	}
	switch err := m.renew(t, place); {
	case isAbsent(err): // removed meanwhile
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

func (m *modelFiles) renew(t *tree, place string) error {
	now := m.r.now()
	// The file of another user keeps its time.
	if err := t.Chtimes(place+"/"+infoFile, now, now); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, name := range []string{dataFile, infoFile} {
		if err := t.syncFile(place + "/" + name); err != nil {
			return err
		}
	}
	return t.syncDir(place)
}
