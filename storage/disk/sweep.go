package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
)

// staleAfter is how old what is being written is before it counts as left behind.
const staleAfter = time.Hour

// sweep removes what crashes left in the directory of what is being written.
func (m *modelDir) sweep(ctx context.Context, t *tree) error {
	limit := m.r.now().Add(-staleAfter)
	return pages(ctx, t.Root, ownDir, func(page []os.DirEntry) error {
		for _, e := range page {
			if !strings.HasPrefix(e.Name(), tempPrefix) {
				continue
			}
			info, err := e.Info()
			if err == nil && info.ModTime().Before(limit) {
				err = t.removeAll(ownDir + "/" + e.Name())
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}
