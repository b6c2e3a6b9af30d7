package upload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Same reports whether two uploads in dir have equal content. One that is not
// there is equal to none.
func Same(dir, a, b string) (bool, error) {
	x, errX := os.Open(filepath.Join(dir, a))
	if errX == nil {
		defer func() { _ = x.Close() }() // was only read
	}
	y, errY := os.Open(filepath.Join(dir, b))
	if errY == nil {
		defer func() { _ = y.Close() }() // was only read
	}
	if os.IsNotExist(errX) || os.IsNotExist(errY) {
		return false, nil
	}
	if err := errors.Join(errX, errY); err != nil {
		return false, fmt.Errorf("compare uploads: %w", err)
	}
	same, err := sameContent(x, y)
	if err != nil {
		return false, fmt.Errorf("compare uploads %s and %s: %w", a, b, err)
	}
	return same, nil
}

// sameContent compares two files, of which links to one file are the usual case.
func sameContent(x, y *os.File) (bool, error) {
	infoX, errX := x.Stat()
	infoY, errY := y.Stat()
	if err := errors.Join(errX, errY); err != nil {
		return false, err
	}
	if os.SameFile(infoX, infoY) {
		return true, nil
	}
	if infoX.Size() != infoY.Size() {
		return false, nil
	}
	bufX, bufY := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		n, errX := io.ReadFull(x, bufX)
		m, errY := io.ReadFull(y, bufY)
		if !bytes.Equal(bufX[:n], bufY[:m]) {
			return false, nil
		}
		if ended(errX) && ended(errY) {
			return true, nil
		}
		if err := errors.Join(errX, errY); err != nil {
			return false, err
		}
	}
}

func ended(err error) bool { return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) }
