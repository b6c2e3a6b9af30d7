package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// modelFiles are the revisions of one model.
type modelFiles struct {
	modelDir
	lock *filelock.Lock // held while a content is moved out of the way
}

var _ storage.ModelMedium = (*modelFiles)(nil)

func newModelFiles(r *Revisions, name string, bad error) *modelFiles {
	m := &modelFiles{
		modelDir: modelDir{r: &r.place, name: name, bad: bad, parts: []string{contentsDir, entriesDir, ownDir}},
		lock:     filelock.New(lockName),
	}
	m.modelDir.restore = m.restoreReplaced
	return m
}

// modelDir is the directory of one model.
type modelDir struct {
	r     *place
	name  string
	bad   error    // why there can be no such model, nil when there can
	parts []string // the directories in it
	// restore undoes what a crash left half done; nil for nothing.
	restore func(context.Context, *tree) error

	mu    sync.Mutex // guards what follows
	files *tree      // nil while the directory is not there
	ready bool       // the directory is whole and what crashes left is gone
}

func (m *modelDir) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		return nil
	}
	err := m.files.Close()
	m.files, m.ready = nil, false
	return err
}

// dir is the model's directory below that of all models.
func (m *modelDir) dir() string { return path.Join(m.name, m.r.sub) }

// open returns the model's directory for reading, nil when it is not there.
func (m *modelDir) open() (*tree, error) {
	if m.bad != nil {
		return nil, nil
	}
	root, err := m.r.openRoot()
	if err != nil || root == nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.openIn(root)
}

// openIn opens the directory; the caller holds mu.
func (m *modelDir) openIn(root *os.Root) (*tree, error) {
	if m.files != nil {
		return m.files, nil
	}
	sub, err := root.OpenRoot(m.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, m.r.explain("open", err)
	}
	m.files = &tree{Root: sub, path: m.dir(), now: m.r.now, before: m.r.before}
	return m.files, nil
}

// prepare returns the model's directory for writing. The first call makes what is
// missing and removes what crashes left.
func (m *modelDir) prepare(ctx context.Context) (*tree, error) {
	if m.bad != nil {
		return nil, m.bad
	}
	if m.r.readOnly {
		return nil, m.r.explain("write", errReadOnly)
	}
	root, err := m.r.makeRoot()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ready {
		return m.files, nil
	}
	if err := m.makeDirs(root); err != nil {
		return nil, m.r.explain("make the directories of", err)
	}
	files, err := m.openIn(root)
	if err != nil || files == nil {
		return nil, errors.Join(err, m.r.explain("open", fs.ErrNotExist))
	}
	err = m.sweep(ctx, files)
	if err == nil && m.restore != nil {
		err = m.restore(ctx, files)
	}
	if err != nil {
		return nil, m.r.explain("clean up", err)
	}
	m.ready = true
	return files, nil
}

// makeDirs makes the directories of the layout. All are synced even when they are
// there: who made them may have crashed before.
func (m *modelDir) makeDirs(root *os.Root) error {
	t := &tree{Root: root, now: m.r.now, before: m.r.before}
	above := "."
	for part := range strings.SplitSeq(m.dir(), "/") {
		if err := t.mkdir(path.Join(above, part)); err != nil {
			return err
		}
		if err := t.syncDir(above); err != nil {
			return err
		}
		above = path.Join(above, part)
	}
	for _, part := range m.parts {
		if err := t.mkdir(path.Join(above, part)); err != nil {
			return err
		}
	}
	return t.syncDir(above)
}

// each calls do for 0 to n-1, several at a time. It stops at the first error.
func (m *modelDir) each(ctx context.Context, n int, do func(i int) error) error {
	if err := ctx.Err(); err != nil || n == 0 {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxParallel)
	for i := range n {
		g.Go(caught.Guard(func() error {
			select {
			case m.r.slots <- struct{}{}:
				defer func() { <-m.r.slots }()
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return do(i)
		}))
	}
	return g.Wait()
}
