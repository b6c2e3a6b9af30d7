package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// defaultData returns where local state is kept when --data does not say; not
// for stores in memory, which get a temporary directory.
func (g *global) defaultData() (string, bool) {
	if g.data != "" {
		return filepath.Clean(g.data), true
	}
	url, err := parseStore(g.store)
	return url.dir, err == nil && !url.memory
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
