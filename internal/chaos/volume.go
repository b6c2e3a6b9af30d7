package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// volumeSize is the size of a volume, in bytes: more than a run of hours needs.
const volumeSize = 2 << 30

// volume is a small file system of its own that can be filled up.
type volume struct{ dir string }

// mountVolume makes one at a directory, which it makes. It returns nil, and no error,
// where that is not allowed: the directory is an ordinary one then.
func mountVolume(dir string) (*volume, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	err := mount(dir, volumeSize)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mount a small file system: %w", err)
	}
	return &volume{dir}, nil
}

// filler takes the room that is left.
func (v *volume) filler() string { return filepath.Join(v.dir, "filler") }

// fill leaves no room.
func (v *volume) fill() error {
	f, err := os.Create(v.filler())
	if err != nil {
		return err
	}
	for piece := int64(16 << 20); piece >= 4096; {
		info, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		if allocate(f, info.Size(), piece) != nil {
			piece /= 2 // it does not fit any more
		}
	}
	return f.Close()
}

// free gives the room back.
func (v *volume) free() error { return os.Remove(v.filler()) }

// close unmounts it, also while something there is still open.
func (v *volume) close() error {
	if v == nil {
		return nil
	}
	return unmount(v.dir)
}
