package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/specstar-worker/worker/internal/overlay"
)

// clockVariable is the variable of the environment that has the clock of a worker of
// BuildClock jump: by how many seconds, and how many after its start: "-3600:3".
const clockVariable = "CHAOS_CLOCK"

// clockSource is what package time of such a worker has more. Timers go on as before:
// they follow another clock, as on a real machine.
const clockSource = `package time

import "syscall"

var chaosBy, chaosAfter = chaosJump()

func chaosJump() (by, after int64) {
	text, _ := syscall.Getenv("` + clockVariable + `")
	sign, numbers, at := int64(1), [2]int64{}, 0
	for _, c := range []byte(text) {
		switch {
		case c == '-':
			sign = -1
		case c == ':':
			at = 1
		case c >= '0' && c <= '9':
			numbers[at] = 10*numbers[at] + int64(c-'0')
		}
	}
	return sign * numbers[0], numbers[1] * 1e9
}
`

// BuildClock builds a worker whose clock jumps when it is told to: with another package
// time. The library is compiled anew for that, which takes minutes the first time.
func BuildClock(ctx context.Context, dir string) (string, error) {
	return Build(ctx, dir,
		Change{File: overlay.Library + "time/chaosjump.go", New: clockSource},
		Change{
			File: overlay.Library + "time/time.go",
			Old:  "	mono -= startNano\n	sec += unixToInternal - minWall\n",
			New:  "	mono -= startNano\n	if mono > chaosAfter {\n		sec += chaosBy\n	}\n	sec += unixToInternal - minWall\n",
		})
}

// jumpClock has a worker replaced by one whose clock jumps an hour ahead or back soon
// after it has begun to work.
func jumpClock(_ context.Context, s *Stand, r *rand.Rand) (func(context.Context) error, string, error) {
	i, by := r.IntN(len(s.fleet.slots)), time.Hour
	if r.IntN(2) == 0 {
		by = -by
	}
	_, err := s.fleet.slots[i].replace(launch{
		program: s.config.Clock, env: []string{fmt.Sprintf("%s=%d:%d", clockVariable, int(by.Seconds()), 2)},
	})
	return func(context.Context) error {
		_, err := s.fleet.slots[i].replace(launch{})
		return err
	}, fmt.Sprintf("worker %d by %s", i+1, by), err
}
