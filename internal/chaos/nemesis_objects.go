package chaos

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/specstar-worker/worker/internal/s3test"
)

// objectNemeses have the object store fail.
func objectNemeses() []nemesis {
	failing := func(name string, faults ...s3test.Fault) nemesis {
		return nemesis{
			name: name, least: 2 * time.Second, most: 8 * time.Second,
			fits: func(s *Stand) bool { return s.objects != nil },
			strike: func(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
				s.objects.Fail(faults...)
				return func(context.Context) error {
					s.objects.Fail()
					return nil
				}, "", nil
			},
		}
	}
	some := func(k s3test.Kind) s3test.Fault { return s3test.Fault{Kind: k, Fraction: 0.2} }
	return []nemesis{
		failing("s3 is asked to slow down", some(s3test.SlowDown), some(s3test.InternalError)),
		failing("s3 fails", s3test.Fault{Kind: s3test.InternalError}),
		failing("s3 drops requests and answers", some(s3test.DropRequest), some(s3test.DropResponse), some(s3test.CutResponse)),
		failing("s3 hangs", s3test.Fault{Kind: s3test.Hang, Fraction: 0.1}),
	}
}
