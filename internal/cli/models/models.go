// Package models reads the file that declares models: YAML, a list under the key
// "models".
//
//	models:
//	  - name: person
//	    encoding: json
//	    indexed_fields: [age, address.city]
package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

type document struct {
	Models []declaration `yaml:"models"`
}

type declaration struct {
	Name          string   `yaml:"name"`
	Encoding      string   `yaml:"encoding"`
	IndexedFields []string `yaml:"indexed_fields"`
}

// ReadFile returns the models that a file declares, by ascending name. Unknown
// keys, missing and repeated names are refused; errors name file and place.
func ReadFile(path string) ([]storage.ModelInfo, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read models: %w", err)
	}
	var doc document
	if err := yaml.UnmarshalWithOptions(b, &doc, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read models %s: %s", path, yaml.FormatError(err, false, true))
	}
	infos := make([]storage.ModelInfo, 0, len(doc.Models))
	for i, d := range doc.Models {
		info, err := d.info()
		if err != nil {
			return nil, fmt.Errorf("read models %s: model %d: %w", path, i+1, err)
		}
		if slices.ContainsFunc(infos, func(m storage.ModelInfo) bool { return m.Name == info.Name }) {
			return nil, fmt.Errorf("read models %s: model %d: %q is declared twice", path, i+1, info.Name)
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b storage.ModelInfo) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return infos, nil
}

func (d declaration) info() (storage.ModelInfo, error) {
	if err := resource.ID(d.Name).CheckNew(); err != nil {
		return storage.ModelInfo{}, fmt.Errorf("name %q cannot be used: %w", d.Name, err)
	}
	info := storage.ModelInfo{Name: d.Name, IndexedPaths: slices.Clone(d.IndexedFields)}
	if d.Encoding != "" {
		e, err := resource.ParseEncoding(d.Encoding)
		if err != nil {
			return storage.ModelInfo{}, fmt.Errorf("name %q: %w", d.Name, err)
		}
		info.Encoding = e
	}
	slices.Sort(info.IndexedPaths)
	info.IndexedPaths = slices.Compact(info.IndexedPaths)
	return info, nil
}

// Digest identifies what a file declares, whatever its name: two processes that
// declare the same have equal digests. An empty path gives an empty digest.
func Digest(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	infos, err := ReadFile(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, m := range infos {
		fmt.Fprintf(h, "%q %q %q\n", m.Name, m.Encoding, m.IndexedPaths)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
