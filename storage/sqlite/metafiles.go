package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/specstar-worker/worker/storage"
)

// metaFiles is the medium of metas in files of the original's FileSqliteMetaStore,
// DIR/<model>/meta.db.
type metaFiles struct {
	f *Factory

	mu    sync.Mutex // guards files
	files map[string]*metaFile
}

var _ storage.MetaMedium = (*metaFiles)(nil)

func newMetaFiles(f *Factory) *metaFiles { return &metaFiles{f: f, files: map[string]*metaFile{}} }

// Transactions is true: a file is locked from Begin to the end.
func (m *metaFiles) Transactions() bool { return true }

// path is where the metas of a model are.
func (m *metaFiles) path(model string) string { return filepath.Join(m.f.dir, model, "meta.db") }

// Has reports whether a model has a file.
func (m *metaFiles) Has(model string) bool {
	return checkDirectory(model) == nil && exists(m.path(model))
}

// Models returns the models that have a file, by ascending name.
func (m *metaFiles) Models(context.Context) ([]string, error) { return modelsWithFiles(m.f.dir, m.Has) }

// ModelsInFiles returns the models in a directory whose metas are in files of the
// original's FileSqliteMetaStore, by ascending name.
func ModelsInFiles(dir string) ([]string, error) {
	return modelsWithFiles(dir, newMetaFiles(&Factory{dir: dir}).Has)
}

func modelsWithFiles(dir string, has func(string) bool) ([]string, error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list models of %s: %w", dir, err)
	}
	var models []string
	for _, e := range list {
		if e.IsDir() && has(e.Name()) {
			models = append(models, e.Name())
		}
	}
	return models, nil
}

// checkDirectory reports why no directory of metas can have a model's name.
func checkDirectory(model string) error {
	switch {
	case model == "" || strings.HasPrefix(model, ".") || model == blobsDir || strings.ContainsAny(model, "/\x00") || len(model) > 255:
		return fmt.Errorf("model %q cannot be a directory of the store: %w", model, storage.ErrUnusableName)
	}
	return nil
}

// Model opens the file of a model; makes makes it when it is not there.
func (m *metaFiles) Model(ctx context.Context, model string, makes bool) (storage.ModelMetas, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if file := m.files[model]; file != nil {
		return file, nil
	}
	if m.f.ended.Err() != nil {
		return nil, errClosed
	}
	file, err := openMetaFile(ctx, m.f, model, m.path(model), makes)
	if err != nil {
		return nil, err
	}
	m.files[model] = file
	return file, nil
}

// Close closes the files.
func (m *metaFiles) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, file := range m.files {
		errs = append(errs, file.close())
	}
	clear(m.files)
	return errors.Join(errs...)
}
