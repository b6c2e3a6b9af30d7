package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// givenNode is the type of a payload of which nothing is known.
var givenNode = newGiven(nil)

func newGiven(g *given) *node {
	n := &node{kind: kindGiven, given: g, expect: "any value"}
	n.elem = n
	return n
}

var (
	strNode   = scalar(kindStr)
	intNode   = scalar(kindInt)
	bytesNode = scalar(kindBytes)
)

// givenRoot is the type of a payload of which only the references to blobs are
// known.
func givenRoot(paths []string) (*node, error) {
	root := newGiven(&given{members: map[string]*node{}, other: givenNode})
	for i, path := range paths {
		n := root
		steps := strings.Split(path, ".")
		for s, step := range steps {
			if step == "" {
				return nil, wrong(fmt.Sprintf("binary_fields[%d]", i), "%s has an empty step", quote(path))
			}
			next := newGiven(&given{members: map[string]*node{}, other: givenNode})
			if s == len(steps)-1 {
				next = newGiven(&given{binary: scalar(kindBinary)})
			}
			if n = n.given.step(step, next); n == nil {
				return nil, wrong(fmt.Sprintf("binary_fields[%d]", i), "%s leads into another binary field", quote(path))
			}
		}
	}
	return root, nil
}

// step returns the node of a member, which is next where there was none; nil when
// there are none, since a reference stands here.
func (g *given) step(name string, next *node) *node {
	if g.binary != nil {
		return nil
	}
	n, ok := g.members[name]
	if name == "*" {
		n, ok = g.other, g.other != givenNode
	}
	if !ok {
		if n = next; name == "*" {
			g.other = next
		} else {
			g.members[name] = next
		}
	}
	return n
}

// setPaths works out the indexed, unique and binary paths.
func (m *Model) setPaths() error {
	d := &m.declaration
	m.indexed, m.unique = slices.Clone(d.IndexedFields), slices.Clone(d.UniqueFields)
	for i, f := range d.Fields {
		name := f.Name
		if f.Attribute != "" {
			name = f.Attribute
		}
		if strings.Contains(name, ".") && (f.Indexed || f.Unique) {
			return wrong(fmt.Sprintf("fields[%d]", i), "a field with a dot in its name cannot be indexed")
		}
		if f.Unique {
			m.unique = append(m.unique, name)
		}
		if f.Indexed {
			m.indexed = append(m.indexed, name)
		}
	}
	m.unique = sorted(m.unique)
	m.indexed = sorted(slices.Concat(m.indexed, m.unique))
	for _, list := range []struct {
		key   string
		paths []string
	}{{"indexed_fields", d.IndexedFields}, {"unique_fields", d.UniqueFields}} {
		for i, path := range list.paths {
			if err := m.checkIndexed(path); err != nil {
				return wrong(fmt.Sprintf("%s[%d]", list.key, i), "%v", err)
			}
		}
	}
	if err := m.checkIndexes(); err != nil {
		return err
	}
	found := map[string]bool{}
	if m.root != nil {
		(&binaryPaths{found: found, open: map[*object]bool{}, budget: maxNodes}).collect(m.root, "")
	}
	m.binary = slices.Sorted(maps.Keys(found))
	if m.Typed() {
		for i, path := range d.BinaryFields {
			if !found[path] {
				return wrong(fmt.Sprintf("binary_fields[%d]", i), "%s is not of type binary%s", quote(path), nearest(path, m.binary))
			}
		}
	}
	return nil
}

// checkIndexed reports why nothing can be indexed at a path.
func (m *Model) checkIndexed(path string) error {
	if path == "" {
		return fmt.Errorf("the path is empty")
	}
	if !m.Typed() {
		return nil
	}
	at := []*node{m.root}
	walked := ""
	for step := range strings.SplitSeq(path, ".") {
		var next []*node
		var names []string
		for _, n := range at {
			more, known := n.step(step)
			next = append(next, more...)
			names = append(names, known...)
		}
		if len(next) == 0 {
			where := "the payload"
			if walked != "" {
				where = quote(walked)
			}
			return fmt.Errorf("%s leads nowhere: %s has no field %s%s", quote(path), where, quote(step), nearest(step, names))
		}
		at, walked = next, strings.TrimPrefix(walked+"."+step, ".")
	}
	return nil
}

// step returns the types a step of a dotted path can lead to from n, and the
// names that are known there.
func (n *node) step(name string) (next []*node, names []string) {
	switch n.kind {
	case kindStruct:
		if i, ok := n.object.attributes[name]; ok {
			return []*node{n.object.fields[i].node}, nil
		}
		if t := n.object.tag; t != nil && t.field == name {
			return []*node{strNode}, nil
		}
		return nil, slices.Collect(maps.Keys(n.object.attributes))
	case kindUnion:
		for _, m := range n.members() {
			more, known := m.step(name)
			next, names = append(next, more...), append(names, known...)
		}
		return next, names
	case kindMap:
		return []*node{n.elem}, nil
	case kindAny, kindGiven:
		return []*node{anyNode}, nil
	case kindBinary:
		if slices.Contains(binaryFields, name) {
			return []*node{strNode}, nil
		}
		return nil, binaryFields
	}
	return nil, nil
}

// binaryPaths collects the paths at which references to blobs can stand. Types
// that contain themselves are followed once.
type binaryPaths struct {
	found  map[string]bool
	open   map[*object]bool
	budget int // types that refer to each other in many ways have too many paths
}

func (p *binaryPaths) collect(n *node, path string) {
	if p.budget--; p.budget < 0 {
		return
	}
	switch n.kind {
	case kindBinary:
		p.found[path] = true
	case kindList:
		p.collect(n.elem, path)
	case kindMap:
		p.collect(n.elem, dotted(path, "*"))
	case kindTuple:
		for _, e := range n.elems {
			p.collect(e, path)
		}
	case kindUnion:
		for _, m := range n.members() {
			p.collect(m, path)
		}
	case kindGiven:
		p.given(n, path)
	case kindStruct:
		if p.open[n.object] {
			return
		}
		p.open[n.object] = true
		for _, f := range n.object.fields {
			p.collect(f.node, dotted(path, f.name))
		}
		delete(p.open, n.object)
	}
}

func (p *binaryPaths) given(n *node, path string) {
	if n.given == nil {
		return
	}
	if n.given.binary != nil {
		p.found[path] = true
		return
	}
	for name, m := range n.given.members {
		p.collect(m, dotted(path, name))
	}
	if n.given.other != givenNode {
		p.collect(n.given.other, dotted(path, "*"))
	}
}

func dotted(path, step string) string {
	if path == "" {
		return step
	}
	return path + "." + step
}

func sorted(paths []string) []string {
	slices.Sort(paths)
	return slices.Compact(paths)
}
