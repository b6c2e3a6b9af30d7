package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DeclarationError says what is wrong with a declaration.
type DeclarationError struct {
	// Path leads to the place: "fields[2].type", "types.Address.fields[0]".
	Path string
	// Reason is what is wrong there.
	Reason string
}

// Error names the path and the reason.
func (e *DeclarationError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

func wrong(path, format string, args ...any) error {
	return &DeclarationError{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// compiler turns a declaration into nodes.
type compiler struct {
	d *Declaration
	// objects and enums are the named types made so far; open are the aliases
	// that are being followed.
	objects map[string]*object
	enums   map[string]*enum
	open    map[string]bool
	// pending are the structs whose fields are still to be compiled: types may
	// refer to each other in circles.
	pending []func() error
	// defaults are to be encoded when all nodes are whole.
	defaults []func() error
	budget   int
	depth    int
}

// maxNodes bounds the compiled form of a declaration.
const maxNodes = 100_000

func newCompiler(d *Declaration) *compiler {
	return &compiler{d: d, objects: map[string]*object{}, enums: map[string]*enum{}, open: map[string]bool{}, budget: maxNodes}
}

// payload compiles the type of the payload; nil when it is known by name only.
func (c *compiler) payload() (*node, error) {
	for _, name := range slices.Sorted(maps.Keys(c.d.Types)) {
		if err := checkTypeName(name); err != nil {
			return nil, wrong("types."+name, "%v", err)
		}
	}
	root, err := c.rootNode()
	if err != nil || root == nil {
		return nil, err
	}
	// Types that nothing refers to are checked too.
	for _, name := range slices.Sorted(maps.Keys(c.d.Types)) {
		if _, err := c.named(name, "types."+name); err != nil {
			return nil, err
		}
	}
	return root, c.finish()
}

// finish compiles the fields of all structs and then their defaults.
func (c *compiler) finish() error {
	for len(c.pending) > 0 {
		next := c.pending[0]
		c.pending = c.pending[1:]
		if err := next(); err != nil {
			return err
		}
	}
	return c.setDefaults()
}

func (c *compiler) rootNode() (*node, error) {
	d := c.d
	if d.Type == "" && len(d.Fields) == 0 {
		if len(d.Types) > 0 || d.Tag != nil || d.TagField != "" {
			return nil, wrong("", "types or a tag are declared, but no fields")
		}
		return nil, nil
	}
	text := d.Type
	if text == "" {
		text = "struct"
	}
	e, err := parseExpr(text)
	if err != nil {
		return nil, wrong("type", "%v", err)
	}
	if len(d.Fields) > 0 && (e.name != "struct" || e.null) {
		return nil, wrong("fields", "the type is %s; fields belong to a struct", text)
	}
	at := place{path: "type", fieldsPath: "fields", owner: Type{Fields: d.Fields, Tag: d.Tag, TagField: d.TagField}}
	return c.node(e, at)
}

// place is where a type expression stands, with what "struct" and "enum" in it
// refer to.
type place struct {
	path       string // of the expression
	fieldsPath string
	valuesPath string
	owner      Type
}

// node compiles a type expression.
func (c *compiler) node(e expr, at place) (*node, error) {
	c.depth++
	defer func() { c.depth-- }()
	if c.budget--; c.budget < 0 || c.depth > 4*MaxDepth {
		return nil, wrong(at.path, "the types are too many or too deep")
	}
	n, err := c.bare(e, at)
	if err != nil {
		return nil, err
	}
	if e.null && !n.null {
		copied := *n
		copied.null = true
		n = &copied
	}
	if e.null && !strings.HasSuffix(n.expect, " or null") && n.kind != kindNull && n.kind != kindAny {
		n.expect += " or null"
	}
	return n, nil
}

// bare compiles an expression without its null.
func (c *compiler) bare(e expr, at place) (*node, error) {
	if e.name == unionName {
		return c.unionOf(e, at)
	}
	i := slices.Index(kindNames, e.name)
	if i < 0 {
		if len(e.args) > 0 {
			return nil, wrong(at.path, "type %q takes nothing in brackets%s", e.name, nearest(e.name, []string{"list", "set", "tuple", "map"}))
		}
		return c.named(e.name, at.path)
	}
	k := kind(i)
	switch k {
	case kindList, kindSet, kindTuple, kindMap:
		return c.container(k, e, at)
	}
	if len(e.args) > 0 {
		return nil, wrong(at.path, "type %q takes nothing in brackets", e.name)
	}
	switch k {
	case kindAny:
		return newAny(), nil
	case kindBinary:
		return &node{kind: kindBinary, object: &object{name: "binary", unknown: c.unknown()}, expect: "binary"}, nil
	case kindStruct:
		o := c.struct_(at.owner, "", at.fieldsPath)
		return &node{kind: kindStruct, object: o, expect: "struct"}, nil
	case kindEnum:
		m, err := newEnum(at.owner.Values, at.valuesPath)
		return m.node(), err
	}
	return scalar(k), nil
}

// scalar returns the node of a kind that needs no more.
func scalar(k kind) *node { return &node{kind: k, expect: kindNames[k]} }

func (c *compiler) unknown() UnknownFields {
	if c.d.UnknownFields == "" {
		return RefuseUnknown
	}
	return c.d.UnknownFields
}

// container compiles list[T], set[T], tuple[T, …], map[V] and map[K, V].
func (c *compiler) container(k kind, e expr, at place) (*node, error) {
	args := make([]*node, len(e.args))
	for i, a := range e.args {
		var err error
		if args[i], err = c.node(a, at); err != nil {
			return nil, err
		}
	}
	n := &node{kind: k, expect: e.String()}
	switch {
	case k == kindTuple && len(args) > 0:
		n.elems = args
		return n, nil
	case len(args) == 0:
		n.elem = newAny()
		if k == kindTuple {
			n.kind = kindList
		}
	case len(args) == 1:
		n.elem = args[0]
	case len(args) == 2 && k == kindMap:
		n.elem = args[1]
		switch key := args[0]; {
		case key.null:
			return nil, wrong(at.path, "a key of a map cannot be null")
		case key.kind == kindEnum && len(key.enum.numbers) == 0:
			n.keys = key.enum
		case key.kind != kindStr:
			return nil, wrong(at.path, "keys of a map are str or an enum of texts, not %s: the original cannot store others", e.args[0])
		}
	default:
		return nil, wrong(at.path, "type %q takes %s", e.name, map[bool]string{true: "one or two types", false: "one type"}[k == kindMap])
	}
	if k == kindSet && !n.elem.hashable() {
		return nil, wrong(at.path, "the elements of a set are scalars, not %s", e.args[0])
	}
	return n, nil
}

// hashable reports whether a value can be an element of a set.
func (n *node) hashable() bool {
	switch n.kind {
	case kindBinary, kindList, kindSet, kindTuple, kindMap, kindStruct:
		return false
	case kindUnion:
		return n.union.array == nil && n.union.object == nil && n.union.tagged == nil
	}
	return true
}
