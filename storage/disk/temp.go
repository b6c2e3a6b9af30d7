package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// staleAfter is how long ago a temporary name was made before what has it counts as
// left behind.
const staleAfter = time.Hour

// tempName returns a new name for what is not visible yet, or no more. It tells when it
// was made: what gets it may be old.
func (t *tree) tempName() string {
	return ownDir + "/" + tempPrefix + strconv.FormatInt(t.now().Unix(), 16) + "-" + rand.Text()
}

// tempTime returns when a temporary name was made. Those of earlier versions do not tell:
// then it is when the file was written.
func tempTime(e os.DirEntry) (time.Time, error) {
	seconds, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), tempPrefix), "-")
	if n, err := strconv.ParseInt(seconds, 16, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	info, err := e.Info()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// sweep removes what crashes left in the directory of what is being written.
func (m *modelDir) sweep(ctx context.Context, t *tree) error {
	limit := m.r.now().Add(-staleAfter)
	return pages(ctx, t.Root, ownDir, func(page []os.DirEntry) error {
		for _, e := range page {
			if !strings.HasPrefix(e.Name(), tempPrefix) {
				continue
			}
			made, err := tempTime(e)
			if err == nil && made.Before(limit) {
				err = t.removeAll(ownDir + "/" + e.Name())
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}
