package chaos

import (
	"context"
	_ "embed"
	"fmt"
	"path"
	"strings"
)

//go:embed testdata/points.txt
var pointsText string

// pointVariable is the variable of the environment that tells a worker of BuildPoints
// where to kill itself, and at which time that it comes there: "after a commit:3".
const pointVariable = "CHAOS_POINT"

// pointSource is what such a worker has more in each package with a point.
const pointSource = `package %s

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var chaosPasses atomic.Int64

func chaosPoint(name string) {
	at, time, _ := strings.Cut(os.Getenv("` + pointVariable + `"), ":")
	if at != name {
		return
	}
	if n, _ := strconv.ParseInt(time, 10, 64); chaosPasses.Add(1) >= n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
`

// points returns the names of the points and the changes that make them.
func points() (names []string, changes []Change, err error) {
	packages := map[string]bool{}
	for _, part := range strings.Split(pointsText, "\n-- ")[1:] {
		head, anchor, _ := strings.Cut(part, "\n")
		name, place, _ := strings.Cut(head, ": ")
		side, file, _ := strings.Cut(place, " ")
		anchor = strings.TrimSuffix(anchor, "\n")
		call := fmt.Sprintf("chaosPoint(%q)", name)
		c := Change{File: file, Old: anchor + "\n", New: anchor + "\n" + call + "\n"}
		switch side {
		case "before":
			c.New = call + "\n" + anchor + "\n"
		case "behind":
		default:
			return nil, nil, fmt.Errorf("point %q is neither before nor behind something: %s", name, place)
		}
		names, changes = append(names, name), append(changes, c)
		if dir := path.Dir(file); !packages[dir] {
			packages[dir] = true
			changes = append(changes, Change{File: dir + "/chaospoint.go", New: fmt.Sprintf(pointSource, path.Base(dir))})
		}
	}
	return names, changes, nil
}

// BuildPoints builds a worker that kills itself at a point when it is told to.
func BuildPoints(ctx context.Context, dir string, changes ...Change) (string, error) {
	_, all, err := points()
	if err != nil {
		return "", err
	}
	return Build(ctx, dir, append(all, changes...)...)
}
