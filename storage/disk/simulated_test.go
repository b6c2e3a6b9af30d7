package disk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// simulated is a file system that loses with its power whatever was not synced:
// any of the changes of names since a directory was synced last, and the content of
// files. A rename is lost or done as a whole.
type simulated struct {
	root    *simDir
	pending []simChange
}

type simDir struct{ live, durable map[string]any } // *simDir, *simFile or simLink

type simFile struct {
	content string
	synced  bool
}

type simLink string

// simChange is one change of names, in one or two directories.
type simChange []simName

type simName struct {
	dir  *simDir
	name string
	node any // nil for removed
}

func newSimDir() *simDir { return &simDir{live: map[string]any{}, durable: map[string]any{}} }

// simulate returns the file system with what is in a directory, all of it synced.
func simulate(t *testing.T, dir string) *simulated {
	t.Helper()
	return &simulated{root: simRead(t, dir)}
}

func simRead(t *testing.T, dir string) *simDir {
	t.Helper()
	d := newSimDir()
	names, err := os.ReadDir(dir)
	for _, e := range must(t, names, err) {
		var node any
		name := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
			node = simRead(t, name)
		case e.Type().IsRegular():
			b, err := os.ReadFile(name)
			node = &simFile{content: string(must(t, b, err)), synced: true}
		default:
			target, err := os.Readlink(name)
			node = simLink(must(t, target, err))
		}
		d.live[e.Name()], d.durable[e.Name()] = node, node
	}
	return d
}

// find returns the directory that holds a name, nil when it is not there.
func (s *simulated) find(name string) (*simDir, string) {
	d := s.root
	dir, base := path.Split(name)
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if part == "" {
			continue
		}
		next, ok := d.live[part].(*simDir)
		if !ok {
			return nil, base
		}
		d = next
	}
	return d, base
}

func (s *simulated) change(c ...simName) {
	for _, n := range c {
		n.apply(n.dir.live)
	}
	s.pending = append(s.pending, c)
}

func (n simName) apply(names map[string]any) {
	if n.node == nil {
		delete(names, n.name)
	} else {
		names[n.name] = n.node
	}
}

// do does one step as the operating system does.
func (s *simulated) do(st step) {
	d, name := s.find(st.name)
	if st.name == "." {
		d, name = &simDir{live: map[string]any{"": s.root}}, ""
	}
	if d == nil {
		return
	}
	node := d.live[name]
	switch st.op {
	case "mkdir":
		if node == nil {
			s.change(simName{d, name, newSimDir()})
		}
	case "write":
		s.change(simName{d, name, &simFile{content: string(st.data)}})
	case "symlink":
		if node == nil {
			s.change(simName{d, name, simLink(st.to)})
		}
	case "sync":
		node.(*simFile).synced = true
	case "syncdir":
		if dir, ok := node.(*simDir); ok {
			s.sync(dir)
		}
	case "link":
		if to, toName := s.find(st.to); node != nil && to != nil && to.live[toName] == nil {
			s.change(simName{to, toName, node})
		}
	case "rename", "exchange":
		s.move(st, d, name, node)
	case "remove":
		if dir, ok := node.(*simDir); node != nil && (!ok || len(dir.live) == 0) {
			s.change(simName{d, name, nil})
		}
	case "removeall":
		s.removeAll(d, name)
	default:
		panic("unknown step " + st.op)
	}
}

func (s *simulated) move(st step, d *simDir, name string, node any) {
	to, toName := s.find(st.to)
	if node == nil || to == nil {
		return
	}
	old := to.live[toName]
	_, isDir := old.(*simDir)
	switch {
	case st.op == "exchange":
		if old != nil {
			s.change(simName{d, name, old}, simName{to, toName, node})
		}
	case !isDir: // a directory is never moved onto another
		s.change(simName{d, name, nil}, simName{to, toName, node})
	}
}

func (s *simulated) removeAll(d *simDir, name string) {
	if dir, ok := d.live[name].(*simDir); ok {
		for child := range dir.live {
			s.removeAll(dir, child)
		}
	}
	if d.live[name] != nil {
		s.change(simName{d, name, nil})
	}
}

// sync makes the names of a directory durable.
func (s *simulated) sync(dir *simDir) {
	var left []simChange
	for _, c := range s.pending {
		if c.touches(dir) {
			c.apply()
		} else {
			left = append(left, c)
		}
	}
	s.pending = left
}

func (c simChange) touches(dir *simDir) bool {
	for _, n := range c {
		if n.dir == dir {
			return true
		}
	}
	return false
}

func (c simChange) apply() {
	for _, n := range c {
		n.apply(n.dir.durable)
	}
}

// powerCut is one way in which the power fails: which changes that were not synced
// are kept, and how much of files.
type powerCut struct {
	keep func(i int) bool
	cut  func(content string) string
}

// powerCuts returns ways to lose up to n changes that are not synced.
func powerCuts(n int, random *rand.Rand) []powerCut {
	empty := func(string) string { return "" }
	half := func(s string) string { return s[:len(s)/2] }
	whole := func(s string) string { return s }
	cuts := []powerCut{
		{func(int) bool { return false }, empty},
		{func(int) bool { return true }, whole}, // the process was killed and the power stayed
		{func(int) bool { return true }, empty},
		{func(int) bool { return true }, half},
	}
	for k := range n {
		cuts = append(cuts, powerCut{func(i int) bool { return i == k }, empty}, powerCut{func(i int) bool { return i != k }, half})
	}
	for range 4 {
		bits := random.Uint64()
		cuts = append(cuts, powerCut{func(i int) bool { return bits>>(i%64)&1 == 1 }, half})
	}
	return cuts
}

// lose writes to a directory what is left after a power cut.
func (s *simulated) lose(t *testing.T, p powerCut, dir string) {
	t.Helper()
	left := map[*simDir]map[string]any{}
	for i, c := range s.pending {
		if !p.keep(i) {
			continue
		}
		for _, n := range c {
			if left[n.dir] == nil {
				left[n.dir] = maps.Clone(n.dir.durable)
			}
			n.apply(left[n.dir])
		}
	}
	simWrite(t, s.root, left, p, dir)
}

func simWrite(t *testing.T, d *simDir, left map[*simDir]map[string]any, p powerCut, dir string) {
	t.Helper()
	names := left[d]
	if names == nil {
		names = d.durable
	}
	for name, node := range names {
		name = filepath.Join(dir, name)
		var err error
		switch node := node.(type) {
		case *simDir:
			if err = os.Mkdir(name, 0o700); err == nil {
				simWrite(t, node, left, p, name)
			}
		case *simFile:
			content := node.content
			if !node.synced {
				content = p.cut(content)
			}
			err = os.WriteFile(name, []byte(content), 0o600)
		case simLink:
			err = os.Symlink(string(node), name)
		default:
			err = fmt.Errorf("unknown node %T", node)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
