package payload

import (
	"slices"
	"strings"
	"time"
)

// Extract returns the values at dotted paths of a stored payload, as the
// original indexes them: each path is a key of the result, and a path that
// leads nowhere gives nil (spec, "Indexed values"). Values are nil, bool, int64,
// uint64 (above the largest int64 only), float64, string, []byte, time.Time in
// UTC, []any or map[string]any.
//
// An integer of more than 64 bits at or below the first step of a path is an
// error, since indexed values have no form for it.
func Extract(p []byte, paths []string) (map[string]any, error) {
	values, err := Values(p, paths)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(paths))
	for i, path := range paths {
		out[path] = values[i]
	}
	return out, nil
}

// Values is [Extract] with the values in the order of the paths.
func Values(p []byte, paths []string) ([]any, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	x := extractor{paths: paths, found: make([]member, 0, len(paths))}
	if err := walk(p, &x); err != nil {
		return nil, err
	}
	values := make([]any, len(paths))
	for i, path := range paths {
		values[i] = x.at(path)
	}
	return values, nil
}

// Members returns the values of some keys of the outermost object of a stored
// payload, of the types that [Extract] returns. A key that is not there is not
// in the result.
func Members(p []byte, keys []string) (map[string]any, error) {
	x := extractor{paths: keys, whole: true}
	if err := walk(p, &x); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(x.found))
	for _, m := range x.found {
		out[m.name] = m.value
	}
	return out, nil
}

// member is a key of the outermost object with its value.
type member struct {
	name  string
	value any
}

// at returns the value at a path, nil when it leads nowhere.
func (x *extractor) at(path string) any {
	head, rest, more := strings.Cut(path, ".")
	i := slices.IndexFunc(x.found, func(m member) bool { return m.name == head })
	if i < 0 {
		return nil
	}
	if !more {
		return x.found[i].value
	}
	in, _ := x.found[i].value.(map[string]any)
	return lookup(in, rest)
}

// lookup follows a dotted path through maps.
func lookup(in map[string]any, path string) any {
	for {
		head, rest, more := strings.Cut(path, ".")
		v, ok := in[head]
		if !more || !ok {
			return v
		}
		if in, ok = v.(map[string]any); !ok {
			return nil
		}
		path = rest
	}
}

// extractor builds the values of some keys of the outermost object: the first
// steps of paths. There are few, so they are looked through.
type extractor struct {
	paths []string
	// whole: paths are keys, whatever dots they have.
	whole bool
	found []member
	// depth is the number of open containers, object whether the outermost is one.
	depth  int
	object bool
	// building is set inside the value of a wanted key, whose name is name.
	building bool
	name     string
	builder  valueBuilder
}

// put takes a scalar.
func (x *extractor) put(v any) error {
	if !x.building {
		return nil
	}
	x.builder.add(v)
	x.settle()
	return nil
}

// settle stores the value of a wanted key when it is whole.
func (x *extractor) settle() {
	if x.depth == 1 {
		x.building = false
		i := slices.IndexFunc(x.found, func(m member) bool { return m.name == x.name })
		if i >= 0 { // a stored payload may repeat a key: the last one counts
			x.found[i].value = x.builder.root
			return
		}
		x.found = append(x.found, member{x.name, x.builder.root})
	}
}

func (x *extractor) null() error                 { return x.put(nil) }
func (x *extractor) boolean(v bool) error        { return x.put(v) }
func (x *extractor) float(v float64) error       { return x.put(v) }
func (x *extractor) timestamp(t time.Time) error { return x.put(t) }

func (x *extractor) text(s []byte) error {
	if !x.building {
		return nil
	}
	return x.put(string(s))
}

func (x *extractor) bytes(v []byte) error {
	if !x.building {
		return nil
	}
	return x.put(append([]byte{}, v...))
}

func (x *extractor) integer(negative bool, magnitude uint64) error {
	switch {
	case negative:
		return x.put(-int64(magnitude))
	case magnitude > 1<<63-1:
		return x.put(magnitude)
	}
	return x.put(int64(magnitude))
}

func (x *extractor) bigInteger([]byte) error {
	if !x.building {
		return nil
	}
	return refusal("the integer needs more than 64 bits, indexed values have no form for it")
}

func (x *extractor) key(s []byte) error {
	switch {
	case x.building:
		x.builder.key = string(s)
	case x.depth == 1 && x.object:
		if name, ok := x.wanted(s); ok {
			x.building, x.name, x.builder = true, name, valueBuilder{}
		}
	}
	return nil
}

// wanted reports whether a path begins with the step s, and returns the step.
func (x *extractor) wanted(s []byte) (string, bool) {
	for _, path := range x.paths {
		if x.whole && len(path) != len(s) {
			continue
		}
		if len(path) >= len(s) && path[:len(s)] == string(s) && (len(path) == len(s) || path[len(s)] == '.') {
			return path[:len(s)], true
		}
	}
	return "", false
}

func (x *extractor) beginArray() error   { return x.begin(false) }
func (x *extractor) beginObject() error  { return x.begin(true) }
func (x *extractor) endArray(int) error  { return x.end() }
func (x *extractor) endObject(int) error { return x.end() }

func (x *extractor) begin(object bool) error {
	if x.depth == 0 {
		x.object = object
	}
	x.depth++
	if x.building {
		x.builder.begin(object)
	}
	return nil
}

func (x *extractor) end() error {
	x.depth--
	if x.building {
		x.builder.end()
		x.settle()
	}
	return nil
}
