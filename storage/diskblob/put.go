package diskblob

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
	"github.com/specstar-worker/worker/storage/internal/spool"
)

// Put stores the content of r.
func (s *Store) Put(ctx context.Context, r io.Reader, o storage.PutOptions) (storage.BlobInfo, error) {
	if s.readOnly {
		return storage.BlobInfo{}, s.explain("put", errReadOnly)
	}
	if o.Key != "" {
		if _, err := fileName(o.Key); err != nil {
			return storage.BlobInfo{}, err
		}
	}
	root, err := s.makeRoot()
	if err != nil {
		return storage.BlobInfo{}, err
	}
	if err := s.sweep(ctx, root); err != nil {
		return storage.BlobInfo{}, s.explain("clean up", err)
	}
	content, err := writeTemp(ctx, root, r)
	if err != nil {
		return storage.BlobInfo{}, s.explain("put", err)
	}
	info := storage.BlobInfo{FileID: o.Key, Size: content.size, ContentType: o.ContentType}
	if info.FileID == "" {
		info.FileID = content.hash
	}
	if t, _ := info.ContentType.Get(); t == "" {
		info.ContentType = opt.Value[string]{}
	}
	kept, err := s.commit(ctx, root, content, info)
	if err != nil {
		return storage.BlobInfo{}, s.explain("put", errors.Join(err, removeFile(root, content.name)))
	}
	return kept, nil
}

// temp is a synced file that is not visible as a blob yet.
type temp struct {
	name string
	size int64
	hash string
}

// writeTemp copies r to a new temporary file and hashes it on the way.
func writeTemp(ctx context.Context, root *os.Root, r io.Reader) (temp, error) {
	t := temp{name: tempPrefix + rand.Text()}
	f, err := root.OpenFile(t.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return temp{}, err
	}
	hash := xxh3.New()
	t.size, err = io.Copy(io.MultiWriter(f, hash), spool.Reader{Context: ctx, From: r})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return temp{}, errors.Join(err, removeFile(root, t.name))
	}
	sum := hash.Sum128().Bytes()
	t.hash = hex.EncodeToString(sum[:])
	return t, nil
}

// commit makes the content visible, unless the blob is there with equal content:
// then that becomes new again.
func (s *Store) commit(ctx context.Context, root *os.Root, content temp, info storage.BlobInfo) (kept storage.BlobInfo, err error) {
	name, err := fileName(info.FileID)
	if err != nil {
		return storage.BlobInfo{}, err
	}
	release, err := s.lock.Hold(ctx, root, filelock.Shared)
	if err != nil {
		return storage.BlobInfo{}, err
	}
	defer func() { err = errors.Join(err, release()) }()
	old, err := stat(root, name, info.FileID)
	switch {
	case err == nil:
		same, err := equalContent(ctx, root, name, old, content)
		if err != nil {
			return storage.BlobInfo{}, err
		}
		if same {
			return old.info, errors.Join(s.refresh(root, name), removeFile(root, content.name))
		}
	case !errors.Is(err, fs.ErrNotExist):
		return storage.BlobInfo{}, err
	}
	if err := writeSidecar(root, name, info); err != nil {
		return storage.BlobInfo{}, err
	}
	if err := s.refresh(root, content.name); err != nil {
		return storage.BlobInfo{}, err
	}
	if err := root.Rename(content.name, name); err != nil {
		return storage.BlobInfo{}, err
	}
	return info, syncDir(root.Open("."))
}

// writeSidecar replaces a sidecar. It becomes visible before the content does:
// content without a sidecar would be taken for a legacy file.
func writeSidecar(root *os.Root, name string, info storage.BlobInfo) error {
	temp := tempPrefix + rand.Text()
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(appendSidecar(nil, info))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, name+sidecarSuffix)
	}
	if err != nil {
		return errors.Join(err, removeFile(root, temp))
	}
	return nil
}

// removeFile removes a file that may be gone already.
func removeFile(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// equalContent compares a stored blob with content about to be stored.
func equalContent(ctx context.Context, root *os.Root, name string, old blob, content temp) (bool, error) {
	if old.info.Size != content.size {
		return false, nil
	}
	f, err := old.open(root, name)
	if err != nil {
		return false, err
	}
	hash := xxh3.New()
	_, err = io.Copy(hash, spool.Reader{Context: ctx, From: f})
	sum := hash.Sum128().Bytes()
	return hex.EncodeToString(sum[:]) == content.hash, errors.Join(err, f.Close())
}
