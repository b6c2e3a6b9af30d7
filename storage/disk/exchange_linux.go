package disk

import (
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// exchange swaps two names in directories of a root.
func exchange(root *os.Root, a, b string) error {
	from, err := root.Open(path.Dir(a))
	if err != nil {
		return err
	}
	to, err := root.Open(path.Dir(b))
	if err != nil {
		return errors.Join(err, from.Close())
	}
	err = unix.Renameat2(int(from.Fd()), path.Base(a), int(to.Fd()), path.Base(b), unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		err = errors.ErrUnsupported
	}
	if err != nil {
		err = fmt.Errorf("exchange %s and %s: %w", a, b, err)
	}
	return errors.Join(err, from.Close(), to.Close())
}
