package disk

import (
	"context"
	"errors"
	"io"
	"os"
)

// listPage is how many names of a directory are in memory at a time.
const listPage = 512

// pages hands out a directory page by page. Errors of do are returned as they are.
func pages(ctx context.Context, root *os.Root, name string, do func([]os.DirEntry) error) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	for {
		page, readErr := dir.ReadDir(listPage)
		err = ctx.Err()
		if err == nil && len(page) > 0 {
			err = do(page)
		}
		if err == nil && readErr != nil && !errors.Is(readErr, io.EOF) {
			err = readErr
		}
		if err != nil || readErr != nil {
			return errors.Join(err, dir.Close())
		}
	}
}

// isEmpty reports whether a directory has no names.
func isEmpty(root *os.Root, name string) (bool, error) {
	dir, err := root.Open(name)
	if err != nil {
		return false, err
	}
	_, err = dir.ReadDir(1)
	if errors.Is(err, io.EOF) {
		return true, dir.Close()
	}
	return false, errors.Join(err, dir.Close())
}

// entries returns all names of a directory.
func entries(root *os.Root, name string) ([]os.DirEntry, error) {
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	list, err := dir.ReadDir(-1)
	return list, errors.Join(err, dir.Close())
}
