package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/specstar-worker/worker/storage/preset"
)

// remoteData is where local state of stores is kept that have no directory of
// their own on this machine.
const remoteData = "data"

// defaultData returns where local state is kept when --data does not say; not
// for stores in memory, which get a temporary directory.
func (g *global) defaultData() (string, bool) {
	if g.data != "" {
		return filepath.Clean(g.data), true
	}
	place, err := g.place()
	switch {
	case err != nil || place.Kind == preset.InMemory:
		return "", false
	case place.Dir != "":
		return place.Dir, true
	}
	return remoteData, true
}

// dataDir returns the data directory and what removes it when it is temporary.
func (a *app) dataDir() (string, func() error, error) {
	if dir, ok := a.global.defaultData(); ok {
		return dir, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "specstar-*")
	if err != nil {
		return "", nil, fmt.Errorf("make temporary data directory: %w", err)
	}
	return dir, func() error {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove temporary data directory: %w", err)
		}
		return nil
	}, nil
}
