package diskblob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// listPage is how many directory entries are in memory at a time.
const listPage = 1000

// Touch describes a blob and makes it as new as a Put does: its age is the
// modification time of its file.
func (s *Store) Touch(ctx context.Context, fileID string) (info storage.BlobInfo, err error) {
	if s.readOnly {
		return storage.BlobInfo{}, s.explain("touch", errReadOnly)
	}
	root, name, _, err := s.find(ctx, fileID)
	if err != nil {
		return storage.BlobInfo{}, err
	}
	release, err := s.lock.Hold(ctx, root, filelock.Shared)
	if err != nil {
		return storage.BlobInfo{}, s.explain("touch", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := s.refresh(root, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storage.BlobInfo{}, s.explain("touch", err)
	}
	_, _, b, err := s.find(ctx, fileID) // it may have been removed before the lock
	return b.info, err
}

// refresh makes a file as new as one that is just written.
func (s *Store) refresh(root *os.Root, name string) error {
	now := s.now()
	return root.Chtimes(name, now, now)
}

// Old returns the blobs that were last put or touched before a time. Files whose
// name is a content hash need no look at their sidecar: the name is the id.
func (s *Store) Old(ctx context.Context, before time.Time) iter.Seq2[storage.OldBlob, error] {
	return func(yield func(storage.OldBlob, error) bool) {
		root, err := s.openRoot()
		if err != nil || root == nil {
			if err = errors.Join(err, ctx.Err()); err != nil {
				yield(storage.OldBlob{}, err)
			}
			return
		}
		stopped := false
		err = pages(ctx, root, func(e os.DirEntry) error {
			b, ok, err := oldBlob(root, e, before)
			if err == nil && ok && !yield(b, nil) {
				stopped = true
				return errStopped
			}
			return err
		})
		if err != nil && !stopped {
			yield(storage.OldBlob{}, s.explain("list", err))
		}
	}
}

// errStopped ends a listing whose reader wants no more.
var errStopped = errors.New("stopped")

// oldBlob describes the blob of a directory entry; false when it is none, or a
// newer one.
func oldBlob(root *os.Root, e os.DirEntry, before time.Time) (storage.OldBlob, bool, error) {
	if !e.Type().IsRegular() || !isBlobName(e.Name()) {
		return storage.OldBlob{}, false, nil
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return storage.OldBlob{}, false, nil // deleted since
	}
	if err != nil || !info.ModTime().Before(before) {
		return storage.OldBlob{}, false, err
	}
	old := storage.OldBlob{FileID: e.Name(), Size: info.Size(), Time: info.ModTime()}
	if isContentHash(e.Name()) {
		return old, true, nil
	}
	b, err := stat(root, e.Name(), "")
	if errors.Is(err, fs.ErrNotExist) {
		return storage.OldBlob{}, false, nil
	}
	old.FileID = b.info.FileID
	return old, err == nil, err
}

// isContentHash reports whether a name is 32 lower-case hex digits.
func isContentHash(name string) bool {
	return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == ""
}

// DeleteOld removes those blobs that were last put or touched before a time.
// Nobody makes blobs visible or touches them meanwhile.
func (s *Store) DeleteOld(ctx context.Context, fileIDs []string, before time.Time) (gone []bool, err error) {
	if s.readOnly {
		return nil, s.explain("delete", errReadOnly)
	}
	root, err := s.openRoot()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	gone = make([]bool, len(fileIDs))
	if root == nil {
		for i := range gone {
			gone[i] = true
		}
		return gone, nil
	}
	release, err := s.lock.Hold(ctx, root, filelock.Exclusive)
	if err != nil {
		return nil, s.explain("delete", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	for i, id := range fileIDs {
		if gone[i], err = deleteOld(root, id, before); err != nil {
			return nil, s.explain("delete", err)
		}
	}
	return gone, s.explain("delete", syncDir(root.Open(".")))
}

// deleteOld removes one blob; the caller holds the lock alone.
func deleteOld(root *os.Root, id string, before time.Time) (gone bool, err error) {
	name, err := fileName(id)
	if err != nil {
		return true, nil // no such blob can be there
	}
	info, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil || !info.ModTime().Before(before) {
		return false, err
	}
	if _, err := stat(root, name, id); errors.Is(err, storage.ErrUnusableName) || errors.Is(err, fs.ErrNotExist) {
		return true, nil // the file belongs to another blob, or is none
	}
	return true, remove(root, name)
}

// Sweep counts, and with remove also removes, temporary files and sidecars
// without content that were last written before a time.
func (s *Store) Sweep(ctx context.Context, before time.Time, remove bool) (t storage.Tally, err error) {
	if s.readOnly && remove {
		return t, s.explain("clean up", errReadOnly)
	}
	root, err := s.openRoot()
	if err != nil || root == nil {
		return t, errors.Join(err, ctx.Err())
	}
	if remove {
		release, lockErr := s.lock.Hold(ctx, root, filelock.Exclusive)
		if lockErr != nil {
			return t, s.explain("clean up", lockErr)
		}
		defer func() { err = errors.Join(err, release()) }()
	}
	err = pages(ctx, root, func(e os.DirEntry) error {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !info.ModTime().Before(before) || !isLeftover(root, e) {
			return err
		}
		t.Count++
		t.Bytes += info.Size()
		if !remove {
			return nil
		}
		return removeFile(root, e.Name())
	})
	return t, s.explain("clean up", err)
}

// isLeftover reports whether an interrupted write left the file.
func isLeftover(root *os.Root, e os.DirEntry) bool {
	if !e.Type().IsRegular() {
		return false
	}
	if strings.HasPrefix(e.Name(), tempPrefix) {
		return true
	}
	content, ok := strings.CutSuffix(e.Name(), sidecarSuffix)
	if !ok {
		return false
	}
	_, err := root.Lstat(content)
	return errors.Is(err, fs.ErrNotExist)
}

// pages calls do with every entry of the directory, some of which are in memory
// at a time.
func pages(ctx context.Context, root *os.Root, do func(os.DirEntry) error) (err error) {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	for {
		page, err := dir.ReadDir(listPage)
		for _, e := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := do(e); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
