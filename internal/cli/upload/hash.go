package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Hash returns the SHA-256 of an upload's content in hexadecimal.
func Hash(dir, name string) (string, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return "", fmt.Errorf("read upload: %w", err)
	}
	defer func() { _ = f.Close() }() // was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read upload %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
