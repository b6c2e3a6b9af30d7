package s3

import (
	"context"
	"errors"
	"fmt"
)

// removePage is how many objects RemoveAll removes at a time.
const removePage = 1000

// RemoveAll removes every object below the prefix of s, whatever it is: what was
// tried out there. A bucket as a whole is refused.
func (s *Store) RemoveAll(ctx context.Context) error {
	if s.cfg.Prefix == "" || s.cfg.ReadOnly {
		return fmt.Errorf("remove all objects of bucket %q: %w", s.cfg.Bucket, errors.New("it has no prefix, or was opened for reading only"))
	}
	var keys []string
	flush := func() error {
		err := s.parallel(ctx, len(keys), func(ctx context.Context, i int) error { return s.remove(ctx, keys[i]) })
		keys = keys[:0]
		return err
	}
	for o, err := range s.list(ctx, s.cfg.Prefix) {
		if err != nil {
			return err
		}
		if keys = append(keys, s.cfg.Prefix+o.key); len(keys) == removePage {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
