package diskerror

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

func TestErrorsTellWhatTheyMean(t *testing.T) {
	for cause, meaning := range map[syscall.Errno]error{
		syscall.ENOSPC: storage.ErrUnavailable, syscall.EDQUOT: storage.ErrUnavailable, syscall.EIO: storage.ErrUnavailable,
		syscall.EROFS: storage.ErrUnavailable, syscall.ESTALE: storage.ErrUnavailable, syscall.EMFILE: storage.ErrUnavailable,
		syscall.EACCES: storage.ErrSetup, syscall.EPERM: storage.ErrSetup, syscall.ENAMETOOLONG: storage.ErrUnusableName,
		syscall.EXDEV: syscall.EXDEV,
	} {
		err := Explain("put", "blobs", "/data", &fs.PathError{Op: "open", Path: "x", Err: cause})
		if !errors.Is(err, meaning) || !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "put blobs in /data: ") {
			t.Errorf("%v is explained as %v, want %v", cause, err, meaning)
		}
	}
	if err := Explain("put", "blobs", "/data", nil); err != nil {
		t.Errorf("no error is explained as %v", err)
	}
}
