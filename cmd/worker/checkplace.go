package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkPattern names the directory that check works in.
const checkPattern = ".specstar-check-*"

// checkPlace makes an empty directory on the file system of a store's directory,
// which need not be there, and returns what removes it again. What a store
// promises depends on the file system, so another one would tell nothing.
func checkPlace(dir string) (place string, remove func() error, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", nil, fmt.Errorf("find the directory of the store: %w", err)
	}
	there := existing(dir)
	if there != dir || sameDevice(dir, filepath.Dir(dir)) {
		beside := there
		if there == dir {
			beside = filepath.Dir(dir)
		}
		place, err = os.MkdirTemp(beside, checkPattern)
		switch {
		case err == nil:
			return place, removing(place), nil
		case there != dir:
			return "", nil, fmt.Errorf("make a directory to check in: %w", err)
		}
	}
	return checkPlaceInside(filepath.Join(dir, ".worker"))
}

// checkPlaceInside makes the directory in the worker's own one, which is made
// and removed with it when it is not there.
func checkPlaceInside(own string) (place string, remove func() error, err error) {
	made := os.Mkdir(own, 0o700) == nil
	place, err = os.MkdirTemp(own, checkPattern)
	if err != nil {
		return "", nil, fmt.Errorf("make a directory to check in: %w", err)
	}
	return place, func() error {
		err := removing(place)()
		if made {
			// A worker that has come meanwhile keeps it.
			if rerr := os.Remove(own); rerr != nil && !errors.Is(rerr, syscall.ENOTEMPTY) {
				err = errors.Join(err, rerr)
			}
		}
		return err
	}, nil
}

func removing(place string) func() error {
	return func() error {
		if err := os.RemoveAll(place); err != nil {
			return fmt.Errorf("remove %s: %w", place, err)
		}
		return nil
	}
}

// existing returns dir or the nearest directory above it that is there.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// sameDevice reports whether two directories are on one file system.
func sameDevice(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX != nil || errY != nil {
		return false
	}
	s, okS := x.Sys().(*syscall.Stat_t)
	t, okT := y.Sys().(*syscall.Stat_t)
	return okS && okT && s.Dev == t.Dev
}
