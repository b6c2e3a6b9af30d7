package disk

import (
	"context"
	"errors"

	"github.com/specstar-worker/worker/resource"
)

// Lookup returns the uids that keys lead to, whether there is a content or not.
func (m *modelFiles) Lookup(ctx context.Context, keys []resource.RevisionKey) ([]string, error) {
	uids := make([]string, len(keys))
	t, err := m.open()
	if err != nil || t == nil {
		return uids, errors.Join(err, ctx.Err())
	}
	err = m.each(ctx, len(keys), func(i int) error {
		p, err := entryPath(keys[i])
		if err != nil {
			return nil // there can be none
		}
		uids[i], err = readLink(t, p.link)
		return err
	})
	return uids, m.r.explain("look up entries of", err)
}
