// Package models reads the file that declares models, YAML, see package
// resource/model.
package models

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"github.com/specstar-worker/worker/resource/model"
)

// ReadFile returns the models that a file declares, by ascending name. What is
// wrong with them is told with file, line and column.
func ReadFile(path string) ([]*model.Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read models: %w", err)
	}
	models, err := model.ParseYAML(path, b)
	if err != nil {
		return nil, fmt.Errorf("read models: %w", err)
	}
	slices.SortFunc(models, func(a, b *model.Model) int {
		return cmp.Compare(a.Declaration().Name, b.Declaration().Name)
	})
	return models, nil
}

// Digest identifies what a file declares, whatever its name: two processes that
// declare the same have equal digests. An empty path gives an empty digest.
func Digest(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	models, err := ReadFile(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, m := range models {
		b, err := m.Declaration().JSON()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\n", b)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
