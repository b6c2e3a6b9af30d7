package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/storage"
)

// Metas keeps the metas of models in a directory, in the layout of the original's disk
// meta store: <Dir>/<model>/meta/<resource>.data is the encoded meta. It is safe for
// concurrent use.
//
// The original writes a file in place and locks nothing. What is read here while it
// does so is read again until it is whole. What is written here is written to a
// directory .specstar, synced and renamed; the file that was there keeps another name
// until the directory is synced, and when it is not what it was believed to be by then,
// because the original has written to it meanwhile, it gets its name back.
type Metas struct {
	place
	models map[string]*modelMetas // those asked for, guarded by mu
}

var _ storage.MetaMedium = (*Metas)(nil)

// OpenMetas opens the directory, which need not exist yet.
func OpenMetas(_ context.Context, c Config) (*Metas, error) {
	m := &Metas{models: map[string]*modelMetas{}}
	return m, m.start("metas", "meta", c)
}

// Transactions is false: the original can always write, and one file is renamed after
// another.
func (m *Metas) Transactions() bool { return false }

// Has reports whether a model has a directory of metas.
func (m *Metas) Has(model string) bool {
	if strings.HasPrefix(model, ".") || checkName("model", model) != nil {
		return false
	}
	root, err := m.openRoot()
	if err != nil || root == nil {
		return false
	}
	info, err := root.Stat(path.Join(model, m.sub))
	return err == nil && info.IsDir()
}

// Models returns the names of the models that have a directory of metas, ascending.
func (m *Metas) Models(ctx context.Context) ([]string, error) {
	root, err := m.openRoot()
	if err != nil || root == nil {
		return nil, errors.Join(err, ctx.Err())
	}
	var names []string
	err = pages(ctx, root, ".", func(page []os.DirEntry) error {
		for _, e := range page {
			if e.IsDir() && m.Has(e.Name()) {
				names = append(names, e.Name())
			}
		}
		return nil
	})
	slices.Sort(names)
	return names, m.explain("list models of", err)
}

// Model returns the metas of a model; makes makes its directory.
func (m *Metas) Model(ctx context.Context, model string, makes bool) (storage.ModelMetas, error) {
	if err := checkName("model", model); err != nil {
		return nil, m.explain("open", err)
	}
	part := m.part(model)
	if makes {
		_, err := part.prepare(ctx)
		return part, err
	}
	if t, err := part.open(); t == nil || err != nil {
		return nil, errors.Join(err, m.explain("open", fmt.Errorf("model %s: %w", model, os.ErrNotExist)))
	}
	return part, nil
}

func (m *Metas) part(model string) *modelMetas {
	m.mu.Lock()
	defer m.mu.Unlock()
	part := m.models[model]
	if part == nil {
		part = newModelMetas(&m.place, model)
		m.models[model] = part
	}
	return part
}

// Close frees the directories.
func (m *Metas) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, part := range m.models {
		errs = append(errs, part.close())
	}
	return errors.Join(append(errs, m.closeRoot())...)
}
