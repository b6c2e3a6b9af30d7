package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"
)

// place is a directory with a directory for each model, which has what is kept.
type place struct {
	what     string // is kept, for messages
	dir      string
	sub      string // the directory of what is kept below that of a model
	readOnly bool
	now      func() time.Time
	slots    chan struct{}    // holds an element for each file operation under way
	before   func(step) error // see tree
	mu       sync.Mutex       // guards what follows
	closed   bool             // set by closeRoot
	root     *os.Root         // nil while the directory is not there
}

// maxParallel is how many files and directories are worked on at a time.
const maxParallel = 32

var errReadOnly = errors.New("they were opened for reading only")

// start fills a new place and opens its directory if it is there; sub is the directory of
// what is kept when c names none. One that leads out of a model's directory is an error.
func (r *place) start(what, sub string, c Config) error {
	r.what, r.dir, r.sub, r.readOnly, r.now = what, c.Dir, path.Clean(cmp.Or(c.Sub, sub)), c.ReadOnly, c.Now
	r.slots = make(chan struct{}, maxParallel)
	if r.now == nil {
		r.now = time.Now
	}
	if !filepath.IsLocal(r.sub) {
		return fmt.Errorf("open %s in %s: %q leads out of the directory of a model", what, c.Dir, c.Sub)
	}
	_, err := r.openRoot()
	return err
}

// closeRoot frees the directory. The caller holds mu.
func (r *place) closeRoot() error {
	r.closed = true
	if r.root == nil {
		return nil
	}
	err := r.root.Close()
	r.root = nil
	return err
}

// openRoot returns the directory, nil when it is not there.
func (r *place) openRoot() (*os.Root, error) {
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
func (r *place) makeRoot() (*os.Root, error) {
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
