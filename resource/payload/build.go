package payload

// valueBuilder builds a Go value from events. key is the key of the next value
// of the innermost object.
type valueBuilder struct {
	root any
	key  string
	open []container
}

// container is an array or object that is being filled; name is its own key in
// the container around it.
type container struct {
	name   string
	object map[string]any
	array  []any
}

func (b *valueBuilder) begin(object bool) {
	c := container{name: b.key}
	if object {
		c.object = map[string]any{}
	} else {
		c.array = []any{}
	}
	b.open = append(b.open, c)
}

func (b *valueBuilder) end() {
	last := len(b.open) - 1
	c := b.open[last]
	b.open = b.open[:last]
	b.key = c.name
	if c.object != nil {
		b.add(c.object)
	} else {
		b.add(c.array)
	}
}

func (b *valueBuilder) add(v any) {
	if len(b.open) == 0 {
		b.root = v
		return
	}
	c := &b.open[len(b.open)-1]
	if c.object != nil {
		c.object[b.key] = v
	} else {
		c.array = append(c.array, v)
	}
}
