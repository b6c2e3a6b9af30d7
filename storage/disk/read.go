package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/specstar-worker/worker/storage"
)

// Infos returns the infos of contents; nil for one that is not there or torn.
func (m *modelFiles) Infos(ctx context.Context, uids []string) ([][]byte, error) {
	infos := make([][]byte, len(uids))
	err := m.read(ctx, uids, func(i int, c content) (err error) {
		infos[i], err = c.info()
		if err == nil && infos[i] != nil {
			_, err = c.dir.Lstat(dataFile)
		}
		if err != nil {
			infos[i] = nil
		}
		return err
	})
	return infos, m.r.explain("read infos of", err)
}

// Read returns contents; one that is not there or torn has a nil Info.
func (m *modelFiles) Read(ctx context.Context, uids []string) ([]storage.Content, error) {
	contents := make([]storage.Content, len(uids))
	err := m.read(ctx, uids, func(i int, c content) error {
		contents[i] = storage.Content{UID: uids[i]}
		info, err := c.info()
		if info == nil || err != nil {
			return err
		}
		data, err := readFile(c.dir, dataFile)
		if err == nil {
			contents[i].Info, contents[i].Data = info, data
		}
		return err
	})
	for i := range contents {
		contents[i].UID = uids[i]
	}
	return contents, m.r.explain("read", err)
}

// content is the open directory of a content: what is read from it belongs together
// even when the content is replaced meanwhile.
type content struct{ dir *os.Root }

// info returns nil when the content is torn.
func (c content) info() ([]byte, error) {
	b, err := readFile(c.dir, infoFile)
	if isAbsent(err) || len(b) == 0 {
		return nil, ignoreAbsent(err)
	}
	return b, err
}

// read calls do for the contents that are there. A content whose data is gone when
// its info was there is being removed or replaced, so it is opened again; so is one
// whose files the original is writing anew.
func (m *modelFiles) read(ctx context.Context, uids []string, do func(i int, c content) error) error {
	t, err := m.open()
	if err != nil || t == nil {
		return errors.Join(err, ctx.Err())
	}
	return m.each(ctx, len(uids), func(i int) error {
		place, err := contentPath(uids[i])
		if err != nil {
			return nil // there can be none
		}
		var last error
		for range readTries {
			dir, err := t.OpenRoot(place)
			if err != nil {
				return ignoreNotExist(err)
			}
			err = errors.Join(do(i, content{dir}), dir.Close())
			if !isAbsent(err) && !errors.Is(err, errShrunk) {
				return wrapIn(place, err)
			}
			last = err
		}
		return wrapIn(place, ignoreAbsent(last))
	})
}

// readTries is how often a content is opened whose data is missing or changing.
const readTries = 3

func ignoreNotExist(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func wrapIn(place string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("in %s: %w", place, err)
}

// readFile reads a file. A named pipe is refused instead of waited for.
func readFile(dir *os.Root, name string) ([]byte, error) {
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	b, err := readRegular(f)
	return b, errors.Join(err, f.Close())
}

// errShrunk says that a file became shorter while it was read: it is being written anew.
var errShrunk = errors.New("the file became shorter while it was read")

// readRegular reads what a file has when it is asked for its size.
func readRegular(f interface {
	io.Reader
	Stat() (fs.FileInfo, error)
},
) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", info.Name())
	}
	b := make([]byte, info.Size())
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%s: %w", info.Name(), errShrunk)
	}
	return b[:n], err
}
