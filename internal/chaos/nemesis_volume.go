package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/specstar-worker/worker/internal/s3test"
)

// volumeNemeses leave no room on a disk. They need a stand whose files lie on small
// file systems of their own, which only root may mount.
func volumeNemeses() []nemesis {
	return []nemesis{
		{
			name: fillDatabase, least: 2 * time.Second, most: 10 * time.Second,
			fits: func(s *Stand) bool { return s.database.volume != nil },
			strike: func(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
				return filled(s.database.volume)
			},
		},
		{
			name: fillRevisions, least: 2 * time.Second, most: 10 * time.Second,
			fits: func(s *Stand) bool { return s.revisions != nil },
			strike: func(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
				return filled(s.revisions)
			},
		},
		{name: fillNATS, least: 2 * time.Second, most: 6 * time.Second, miscounts: true, litters: true, fits: hasVolume, strike: fillNode},
		{
			name: "s3 takes no objects", least: 2 * time.Second, most: 8 * time.Second,
			fits: func(s *Stand) bool { return s.objects != nil },
			strike: func(_ context.Context, s *Stand, _ *rand.Rand) (func(context.Context) error, string, error) {
				s.objects.Fail(s3test.Fault{Kind: s3test.InternalError, Operation: s3test.PutObject})
				return func(context.Context) error {
					s.objects.Fail()
					return nil
				}, "", nil
			},
		},
	}
}

// The nemeses that need a volume.
const (
	fillDatabase  = "fill the disk of postgres"
	fillNATS      = "fill the disk of nats"
	fillRevisions = "fill the disk of revisions"
)

func filled(v *volume) (func(context.Context) error, string, error) {
	return func(context.Context) error { return v.free() }, "", v.fill()
}

func hasVolume(s *Stand) bool { return s.nodes[0].volume != nil }

// fillNode leaves a server no room: it answers nothing then. What helps is what the
// manual says, room and a new start.
func fillNode(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	x := s.nodes[r.IntN(len(s.nodes))]
	return func(context.Context) error {
		err := x.volume.free()
		x.kill()
		return errors.Join(err, x.start())
	}, x.name, x.volume.fill()
}
