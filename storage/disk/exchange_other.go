//go:build !linux

package disk

import (
	"errors"
	"os"
)

// exchange is not there outside of Linux.
func exchange(*os.Root, string, string) error { return errors.ErrUnsupported }
