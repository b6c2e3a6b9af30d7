package model

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// IndexedValues returns the values at dotted paths of a stored payload as the
// original keeps them in metas of the given encoding (spec, "Indexed values"):
// each path is a key of the result, and one that leads nowhere gives nil. In
// msgpack metas a datetime with a zone is a time and bytes are bytes; in JSON
// metas both are text. Everything else is as [payload.Extract] returns it.
func (m *Model) IndexedValues(p []byte, paths []string, metas resource.Encoding) (map[string]any, error) {
	if !m.Typed() {
		return payload.Extract(p, paths)
	}
	top, err := payload.Members(p, m.topKeys(paths))
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(paths))
	for _, path := range paths {
		out[path] = m.root.at(top, path, metas)
	}
	return out, nil
}

// topKeys returns the keys of the payload that paths begin with, and those of tags.
func (m *Model) topKeys(paths []string) []string {
	keys := make([]string, 0, len(paths)+1)
	for _, path := range paths {
		step, _, _ := strings.Cut(path, ".")
		keys = m.root.appendKeys(keys, step)
	}
	if m.root.kind == kindUnion && m.root.union.tagged != nil {
		keys = append(keys, m.root.union.field)
	}
	return keys
}

// appendKeys adds the keys that a step of a path can mean.
func (n *node) appendKeys(keys []string, step string) []string {
	switch n.kind {
	case kindStruct:
		if i, ok := n.object.attributes[step]; ok {
			return append(keys, n.object.fields[i].name)
		}
		return append(keys, step)
	case kindUnion:
		for _, m := range n.members() {
			keys = m.appendKeys(keys, step)
		}
		return keys
	}
	return append(keys, step)
}

// at returns the value at a path below v, a value of type n; nil when the path
// leads nowhere. The path is empty at its end.
func (n *node) at(v any, path string, metas resource.Encoding) any {
	if path == "" || v == nil {
		return n.indexed(v, metas)
	}
	in, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	step, rest, _ := strings.Cut(path, ".")
	switch n.kind {
	case kindStruct:
		if i, ok := n.object.attributes[step]; ok {
			f := n.object.fields[i]
			return f.node.at(in[f.name], rest, metas)
		}
		if t := n.object.tag; t == nil || t.field != step {
			return nil
		}
		return strNode.at(in[step], rest, metas)
	case kindUnion:
		if m := n.union.pick(v); m != nil {
			return m.at(v, path, metas)
		}
		return nil
	case kindMap:
		return n.elem.at(in[step], rest, metas)
	}
	return anyNode.at(in[step], rest, metas)
}

// pick returns the member of a union that a stored value is of; nil when that
// does not matter or is not known.
func (u *union) pick(v any) *node {
	switch v := v.(type) {
	case map[string]any:
		if u.tagged == nil {
			return u.object
		}
		switch t := v[u.field].(type) {
		case string:
			return u.tagged[t]
		case int64:
			return u.tagged[(&tag{number: t}).key()]
		}
	case []any:
		return u.array
	case string, time.Time, []byte:
		return u.text
	}
	return nil
}

// indexed gives a whole value the form that metas keep.
func (n *node) indexed(v any, metas resource.Encoding) any {
	switch v := v.(type) {
	case string:
		return n.indexedText(v, metas)
	case time.Time:
		if metas == resource.JSON {
			t := datetime{days: floorDays(v.Unix())}
			t.seconds, t.micros = v.Unix()-t.days*secondsOfDay, v.Nanosecond()/1000
			return string(t.append(nil))
		}
	case []byte:
		if metas == resource.JSON {
			return base64.StdEncoding.EncodeToString(v)
		}
	case []any:
		return n.indexedList(v, metas)
	case map[string]any:
		return n.indexedMap(v, metas)
	}
	return v
}

func floorDays(seconds int64) int64 {
	days := seconds / secondsOfDay
	if seconds%secondsOfDay < 0 {
		days--
	}
	return days
}

func (n *node) indexedText(s string, metas resource.Encoding) any {
	if n.kind == kindUnion && n.union.text != nil {
		n = n.union.text
	}
	if metas == resource.JSON {
		return s
	}
	switch n.kind {
	case kindDatetime:
		if t, ok := parseDatetime([]byte(s)); ok && !t.zone.naive {
			if at := t.instant(); at.Year() >= 1 && at.Year() <= 9999 {
				return at
			}
		}
	case kindBytes:
		if b, ok := decodeBase64([]byte{}, []byte(s)); ok {
			return b
		}
	}
	return s
}

func (n *node) indexedList(list []any, metas resource.Encoding) any {
	elem := func(int) *node { return anyNode }
	if n.kind == kindUnion && n.union.array != nil {
		n = n.union.array
	}
	switch n.kind {
	case kindList, kindSet:
		elem = func(int) *node { return n.elem }
	case kindTuple:
		elem = func(i int) *node { return n.elems[min(i, len(n.elems)-1)] }
	}
	for i, v := range list {
		list[i] = elem(i).indexed(v, metas)
	}
	return list
}

func (n *node) indexedMap(in map[string]any, metas resource.Encoding) any {
	if n.kind == kindUnion {
		if n = n.union.pick(in); n == nil {
			n = anyNode
		}
	}
	for key, v := range in {
		elem := anyNode
		switch n.kind {
		case kindMap:
			elem = n.elem
		case kindStruct:
			if i, ok := n.object.index[key]; ok {
				elem = n.object.fields[i].node
			}
		}
		in[key] = elem.indexed(v, metas)
	}
	return in
}
