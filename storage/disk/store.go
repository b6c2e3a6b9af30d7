package disk

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// Config says where the revisions or metas are.
type Config struct {
	// Dir is the directory of all models; the first write makes it.
	Dir string
	// Sub is the directory of the revisions below that of a model; empty means
	// "data", which is where the original's factories have them. Of metas it is "meta".
	Sub string
	// ReadOnly refuses writes, and makes and removes nothing.
	ReadOnly bool
	// Now is the clock of the contents' ages; nil means time.Now.
	Now func() time.Time
}

// Revisions keeps the revisions of models in a directory. It is safe for
// concurrent use, by several processes too.
type Revisions struct {
	place
	models map[string]*modelFiles // those asked for, guarded by mu
}

var _ storage.RevisionMedium = (*Revisions)(nil)

// Open opens the directory, which need not exist yet.
func Open(_ context.Context, c Config) (*Revisions, error) {
	r := &Revisions{models: map[string]*modelFiles{}}
	return r, r.start("revisions", "data", c)
}

// Exclusive is true: of those who claim a key at the same time, one makes the link.
func (r *Revisions) Exclusive() bool { return true }

// Model returns the part of one model.
func (r *Revisions) Model(name string) storage.ModelMedium {
	if err := checkName("model", name); err != nil {
		return newModelFiles(r, name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.models[name]
	if m == nil {
		m = newModelFiles(r, name, nil)
		r.models[name] = m
	}
	return m
}

// Models returns the names of the directories with a content or an entry, in
// order.
func (r *Revisions) Models(ctx context.Context) ([]string, error) {
	root, err := r.openRoot()
	if err != nil || root == nil {
		return nil, errors.Join(err, ctx.Err())
	}
	var names []string
	err = pages(ctx, root, ".", func(page []os.DirEntry) error {
		for _, e := range page {
			held, err := r.holds(root, e)
			if err != nil {
				return err
			}
			if held {
				names = append(names, e.Name())
			}
		}
		return nil
	})
	slices.Sort(names)
	return names, r.explain("list models of", err)
}

// holds reports whether a directory is a model's and not empty.
func (r *Revisions) holds(root *os.Root, e os.DirEntry) (bool, error) {
	if !e.IsDir() {
		return false, nil
	}
	for _, part := range []string{entriesDir, contentsDir} {
		switch empty, err := isEmpty(root, path.Join(e.Name(), r.sub, part)); {
		case isAbsent(err):
		case err != nil:
			return false, err
		case !empty:
			return true, nil
		}
	}
	return false, nil
}

// Close frees the directories.
func (r *Revisions) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, m := range r.models {
		errs = append(errs, m.close())
	}
	return errors.Join(append(errs, r.closeRoot())...)
}
