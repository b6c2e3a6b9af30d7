package diskblob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/diskerror"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// Config says where the blobs are.
type Config struct {
	// Dir is the directory; the first Put makes it.
	Dir string
	// ReadOnly refuses Put and Delete and leaves temporary files alone.
	ReadOnly bool
	// Now is the clock of the blobs' ages; nil means time.Now.
	Now func() time.Time
}

// Store is a blob store in one directory. It is safe for concurrent use, by
// several processes too.
type Store struct {
	dir      string
	readOnly bool
	now      func() time.Time
	lock     *filelock.Lock // see lockName

	mu   sync.Mutex // guards root and swept
	root *os.Root   // nil while the directory is not there
	// swept is set when the first Put has removed what crashes left.
	swept bool
}

var _ storage.BlobStore = (*Store)(nil)

// staleAfter is how old a temporary file is before it counts as left behind.
const staleAfter = time.Hour

var errReadOnly = errors.New("the blobs were opened for reading only")

// Open opens the directory, which need not exist yet.
func Open(_ context.Context, c Config) (*Store, error) {
	s := &Store{dir: c.Dir, readOnly: c.ReadOnly, now: c.Now, lock: filelock.New(lockName)}
	if s.now == nil {
		s.now = time.Now
	}
	_, err := s.openRoot()
	return s, err
}

// Close frees the directory. Blobs that are open stay readable.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil
	}
	err := s.root.Close()
	s.root = nil
	return err
}

// openRoot returns the directory, nil when it is not there.
func (s *Store) openRoot() (*os.Root, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root != nil {
		return s.root, nil
	}
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, s.explain("open", err)
	}
	s.root = root
	return root, nil
}

// makeRoot returns the directory, made when it is not there.
func (s *Store) makeRoot() (*os.Root, error) {
	root, err := s.openRoot()
	if root != nil || err != nil {
		return root, err
	}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return nil, s.explain("make", err)
	}
	if err := syncDir(os.Open(filepath.Dir(s.dir))); err != nil {
		return nil, s.explain("make", err)
	}
	return s.openRoot()
}

// sweep removes temporary files that nobody writes any more, once for a store.
func (s *Store) sweep(ctx context.Context, root *os.Root) error {
	s.mu.Lock()
	swept := s.swept
	s.swept = true
	s.mu.Unlock()
	if swept {
		return nil
	}
	limit := s.now().Add(-staleAfter)
	return pages(ctx, root, func(e os.DirEntry) error {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			return nil
		}
		info, err := e.Info()
		if err == nil && info.ModTime().Before(limit) {
			err = root.Remove(e.Name())
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// entries lists the directory.
func entries(root *os.Root) ([]os.DirEntry, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	list, err := dir.ReadDir(-1)
	return list, errors.Join(err, dir.Close())
}

// syncDir makes renames in a directory durable. It takes what opening it gave.
func syncDir(dir *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// explain says what was being done with the directory, and what helps.
func (s *Store) explain(doing string, err error) error {
	return diskerror.Explain(doing, "blobs", s.dir, err)
}
