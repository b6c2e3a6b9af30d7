package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"
)

// tree is a directory that is written to. Each call that changes it or makes
// changes durable is one step.
type tree struct {
	*os.Root
	// path is where the directory is below that of all models.
	path string
	// now is the clock.
	now func() time.Time
	// before is called before each step, whose error replaces the step; nil means
	// none. Tests end the process there, or let the step fail.
	before func(step) error
}

// step is one call.
type step struct {
	op   string // mkdir, write, sync, syncdir, rename, exchange, link, symlink, remove or removeall
	name string
	to   string // of rename, exchange and link: the other name; of symlink: the target
	data []byte // of write
}

func (t *tree) announce(s step) error {
	if t.before == nil {
		return nil
	}
	s.name = path.Join(t.path, s.name)
	if s.op == "rename" || s.op == "exchange" || s.op == "link" {
		s.to = path.Join(t.path, s.to)
	}
	return t.before(s)
}

// mkdir makes a directory that may be there.
func (t *tree) mkdir(name string) error {
	if err := t.announce(step{op: "mkdir", name: name}); err != nil {
		return err
	}
	if err := t.Mkdir(name, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// write makes a file with content of a time, durably except for its name.
func (t *tree) write(name string, content []byte, at time.Time) error {
	if err := t.announce(step{op: "write", name: name, data: content}); err != nil {
		return err
	}
	f, err := t.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = t.Chtimes(name, at, at)
	}
	if err == nil {
		err = t.announce(step{op: "sync", name: name})
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFile makes a file durable that somebody else has written.
func (t *tree) syncFile(name string) error {
	if err := t.announce(step{op: "sync", name: name}); err != nil {
		return err
	}
	return syncClose(t.Open(name))
}

// syncDir makes durable which names a directory has.
func (t *tree) syncDir(name string) error {
	if err := t.announce(step{op: "syncdir", name: name}); err != nil {
		return err
	}
	return syncClose(t.Open(name))
}

// rename moves a file or directory; a directory is never moved onto another.
func (t *tree) rename(from, to string) error {
	if err := t.announce(step{op: "rename", name: from, to: to}); err != nil {
		return err
	}
	return t.Rename(from, to)
}

// exchange swaps two directories in one step. It is errors.ErrUnsupported where the
// file system cannot.
func (t *tree) exchange(a, b string) error {
	if err := t.announce(step{op: "exchange", name: a, to: b}); err != nil {
		return err
	}
	return exchange(t.Root, a, b)
}

// link gives a file another name, which must be free.
func (t *tree) link(from, to string) error {
	if err := t.announce(step{op: "link", name: from, to: to}); err != nil {
		return err
	}
	return t.Link(from, to)
}

// symlink makes a link that is not there.
func (t *tree) symlink(target, name string) error {
	if err := t.announce(step{op: "symlink", name: name, to: target}); err != nil {
		return err
	}
	return t.Symlink(target, name)
}

// remove removes a file or an empty directory.
func (t *tree) remove(name string) error {
	if err := t.announce(step{op: "remove", name: name}); err != nil {
		return err
	}
	return t.Remove(name)
}

// removeAll removes whatever is there under a name.
func (t *tree) removeAll(name string) error {
	if err := t.announce(step{op: "removeall", name: name}); err != nil {
		return err
	}
	return t.RemoveAll(name)
}

// syncClose syncs a file or directory. It takes what opening it gave.
func syncClose(f *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
