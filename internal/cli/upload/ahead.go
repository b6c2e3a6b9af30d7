package upload

import (
	"io/fs"
	"os"
	"path/filepath"
)

// aheadBytes bounds the files that are hashed ahead: a compressed one is for nothing.
const aheadBytes = 64 << 20

// Ahead is the hash of a file that is worked out while the queue and the store are
// opened. A nil Ahead knows nothing.
type Ahead struct {
	file fs.FileInfo // as the hash began
	done chan struct{}
	hash string
	err  error
}

// HashAhead begins to hash the file at path, which is about to be put. It returns nil
// for one for which that does not pay.
func HashAhead(path string) *Ahead {
	info, err := os.Stat(path)
	if path == Stdin || err != nil || !info.Mode().IsRegular() || info.Size() > aheadBytes {
		return nil
	}
	a := &Ahead{file: info, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.hash, a.err = Hash(filepath.Dir(path), filepath.Base(path))
	}()
	return a
}

// Hash is the function Hash, which has been done already when the upload is the file
// itself and has not changed since.
func (a *Ahead) Hash(dir, name string) (string, error) {
	if a == nil {
		return Hash(dir, name)
	}
	<-a.done
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || a.err != nil || !os.SameFile(info, a.file) || info.Size() != a.file.Size() || !info.ModTime().Equal(a.file.ModTime()) {
		return Hash(dir, name)
	}
	return a.hash, nil
}
