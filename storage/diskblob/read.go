package diskblob

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// blob is a stored blob as found on disk.
type blob struct {
	info storage.BlobInfo
	// legacy is the content of a file without a sidecar; nil for others.
	legacy []byte
}

// open returns the blob's content.
func (b blob) open(root *os.Root, name string) (io.ReadCloser, error) {
	if b.legacy != nil {
		return io.NopCloser(bytes.NewReader(b.legacy)), nil
	}
	return root.Open(name)
}

// stat looks a blob up. The size is that of the file: a crash while a key was
// overwritten may leave the new sidecar beside the old content. With an id, a
// file that belongs to another id of the same name is an error.
func stat(root *os.Root, name, id string) (blob, error) {
	file, err := root.Stat(name)
	if err != nil {
		return blob{}, err
	}
	if !file.Mode().IsRegular() {
		return blob{}, fs.ErrNotExist
	}
	b, err := root.ReadFile(name + sidecarSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return readLegacy(root, name, id)
	}
	if err != nil {
		return blob{}, err
	}
	rec, err := parseRecord(b)
	if err != nil {
		return blob{}, fmt.Errorf("sidecar %s: %w", name+sidecarSuffix, err)
	}
	if id != "" && rec.info.FileID != id {
		return blob{}, fmt.Errorf("blob %q: its file %s holds blob %q: %w", id, name, rec.info.FileID, storage.ErrUnusableName)
	}
	rec.info.Size = file.Size()
	return blob{info: rec.info}, nil
}

// readLegacy reads a file without a sidecar. One that is no legacy file either
// is taken as plain content.
func readLegacy(root *os.Root, name, id string) (blob, error) {
	b, err := root.ReadFile(name)
	if err != nil {
		return blob{}, err
	}
	rec, err := parseRecord(b)
	if err != nil || rec.data == nil {
		return blob{info: storage.BlobInfo{FileID: cmp.Or(id, name), Size: int64(len(b))}}, nil
	}
	rec.info.Size = int64(len(rec.data))
	return blob{info: rec.info, legacy: rec.data}, nil
}

// find looks a blob up; ErrNotFound.
func (s *Store) find(ctx context.Context, id string) (*os.Root, string, blob, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", blob{}, err
	}
	name, err := fileName(id)
	if err != nil {
		return nil, "", blob{}, fmt.Errorf("%w: %w", err, storage.ErrNotFound)
	}
	root, err := s.openRoot()
	if err != nil {
		return nil, "", blob{}, err
	}
	err = fs.ErrNotExist
	var b blob
	if root != nil {
		b, err = stat(root, name, id)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrUnusableName) {
		return nil, "", blob{}, fmt.Errorf("blob %s in %s: %w", id, s.dir, storage.ErrNotFound)
	}
	return root, name, b, s.explain("read", err)
}

// Open returns the content of a blob, to be closed by the caller.
func (s *Store) Open(ctx context.Context, fileID string) (io.ReadCloser, storage.BlobInfo, error) {
	root, name, b, err := s.find(ctx, fileID)
	if err != nil {
		return nil, storage.BlobInfo{}, err
	}
	r, err := b.open(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("blob %s: %w", fileID, storage.ErrNotFound)
	}
	if err != nil {
		return nil, storage.BlobInfo{}, s.explain("open", err)
	}
	return r, b.info, nil
}

// Stat describes a blob.
func (s *Store) Stat(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	_, _, b, err := s.find(ctx, fileID)
	return b.info, err
}

// Delete removes a blob; an absent one is no error.
func (s *Store) Delete(ctx context.Context, fileID string) (err error) {
	if s.readOnly {
		return s.explain("delete", errReadOnly)
	}
	root, name, _, err := s.find(ctx, fileID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	release, err := s.lock.Hold(ctx, root, filelock.Exclusive)
	if err != nil {
		return s.explain("delete", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := remove(root, name); err != nil {
		return s.explain("delete", err)
	}
	return s.explain("delete", syncDir(root.Open(".")))
}

// remove removes a blob's files. Content first: a sidecar alone is nothing,
// content alone a legacy file.
func remove(root *os.Root, name string) error {
	if err := removeFile(root, name); err != nil {
		return err
	}
	return removeFile(root, name+sidecarSuffix)
}

// List returns all blobs by ascending id. It holds their descriptions in memory.
func (s *Store) List(ctx context.Context) iter.Seq2[storage.BlobInfo, error] {
	return func(yield func(storage.BlobInfo, error) bool) {
		infos, err := s.list(ctx)
		if err != nil {
			yield(storage.BlobInfo{}, err)
			return
		}
		for _, info := range infos {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (s *Store) list(ctx context.Context) ([]storage.BlobInfo, error) {
	root, err := s.openRoot()
	if err != nil || root == nil {
		return nil, errors.Join(err, ctx.Err())
	}
	files, err := entries(root)
	if err != nil {
		return nil, s.explain("list", err)
	}
	var infos []storage.BlobInfo
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !f.Type().IsRegular() || !isBlobName(f.Name()) {
			continue
		}
		b, err := stat(root, f.Name(), "")
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since
		}
		if err != nil {
			return nil, s.explain("list", err)
		}
		infos = append(infos, b.info)
	}
	slices.SortFunc(infos, func(a, b storage.BlobInfo) int { return cmp.Compare(a.FileID, b.FileID) })
	return infos, nil
}
