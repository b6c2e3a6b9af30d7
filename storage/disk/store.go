package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// Config says where the revisions are.
type Config struct {
	// Dir is the directory of all models; the first write makes it.
	Dir string
	// Sub is the directory of the revisions below that of a model; empty means
	// "data", which is where the original's factories have them.
	Sub string
	// ReadOnly refuses writes, and makes and removes nothing.
	ReadOnly bool
	// Now is the clock of the contents' ages; nil means time.Now.
	Now func() time.Time
}

// Revisions keeps the revisions of models in a directory. It is safe for
// concurrent use, by several processes too.
type Revisions struct {
	dir      string
	sub      string
	readOnly bool
	now      func() time.Time
	slots    chan struct{}          // holds an element for each file operation under way
	before   func(step) error       // see tree
	mu       sync.Mutex             // guards what follows
	closed   bool                   // set by Close
	root     *os.Root               // nil while the directory is not there
	models   map[string]*modelFiles // those asked for
}

var _ storage.RevisionMedium = (*Revisions)(nil)

// maxParallel is how many files and directories are worked on at a time.
const maxParallel = 32

var errReadOnly = errors.New("the revisions were opened for reading only")

// Open opens the directory, which need not exist yet.
func Open(_ context.Context, c Config) (*Revisions, error) {
	r := &Revisions{
		dir: c.Dir, sub: path.Clean(cmp.Or(c.Sub, "data")), readOnly: c.ReadOnly, now: c.Now,
		slots: make(chan struct{}, maxParallel), models: map[string]*modelFiles{},
	}
	if r.now == nil {
		r.now = time.Now
	}
	if !filepath.IsLocal(r.sub) {
		return nil, fmt.Errorf("open revisions in %s: %q leads out of the directory of a model", c.Dir, c.Sub)
	}
	_, err := r.openRoot()
	return r, err
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
	r.closed = true
	var errs []error
	for _, m := range r.models {
		errs = append(errs, m.close())
	}
	if r.root != nil {
		errs = append(errs, r.root.Close())
		r.root = nil
	}
	return errors.Join(errs...)
}

// openRoot returns the directory, nil when it is not there.
func (r *Revisions) openRoot() (*os.Root, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.root != nil {
		return r.root, nil
	}
	if r.closed {
		return nil, r.explain("open", os.ErrClosed)
	}
	root, err := os.OpenRoot(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, r.explain("open", err)
	}
	r.root = root
	return root, nil
}

// makeRoot returns the directory, made when it is not there.
func (r *Revisions) makeRoot() (*os.Root, error) {
	root, err := r.openRoot()
	if root != nil || err != nil {
		return root, err
	}
	if err := makeDir(r.dir); err != nil {
		return nil, r.explain("make the directory of", err)
	}
	return r.openRoot()
}

// makeDir makes a directory with those above it, durably.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if err = makeDir(filepath.Dir(dir)); err == nil {
			err = os.Mkdir(dir, 0o777)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncClose(os.Open(filepath.Dir(dir)))
}
