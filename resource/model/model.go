package model

import (
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Model is a compiled [Declaration]. It is safe for concurrent use.
type Model struct {
	declaration Declaration
	// root is the type of the payload; nil when it is known by name only.
	root *node
	// schema validates what the type does not tell; nil when it tells all.
	schema                  *jsonschema.Schema
	indexed, unique, binary []string
	steps                   []*Step
	walkers                 sync.Pool
}

// Compile checks a declaration and makes it ready. The error is a
// [*DeclarationError].
func Compile(d Declaration) (*Model, error) {
	if err := checkHead(&d); err != nil {
		return nil, err
	}
	d, err := d.normal()
	if err != nil {
		return nil, err
	}
	m := &Model{declaration: d}
	if err := m.compile(); err != nil {
		return nil, err
	}
	if m.steps, err = compileSteps(d.Migrations); err != nil {
		return nil, err
	}
	if m.root == nil && len(d.BinaryFields) > 0 {
		if m.root, err = givenRoot(d.BinaryFields); err != nil {
			return nil, err
		}
	}
	if err := m.setPaths(); err != nil {
		return nil, err
	}
	return m, nil
}

// compile makes the type of the payload.
func (m *Model) compile() (err error) {
	d := &m.declaration
	c := newCompiler(d)
	if d.JSONSchema == nil {
		m.root, err = c.payload()
		return err
	}
	if d.Fields != nil || d.Type != "" || d.Types != nil {
		return wrong(schemaPath, "a JSON schema excludes fields, type and types")
	}
	loose := false
	if m.root, loose, err = c.schemaPayload(); err != nil {
		return err
	}
	schema, err := compileSchema(d.JSONSchema)
	if loose {
		m.schema = schema
	}
	return err
}

// checkHead checks the parts of a declaration that are no types.
func checkHead(d *Declaration) error {
	if d.Name == "" {
		return wrong("name", "the model has no name")
	}
	if err := resource.ID(d.Name).CheckNew(); err != nil {
		return wrong("name", "the name %s cannot be used: %v", quote(d.Name), err)
	}
	if d.Encoding != "" {
		if _, err := resource.ParseEncoding(string(d.Encoding)); err != nil {
			return wrong("encoding", "%v", err)
		}
	}
	switch d.UnknownFields {
	case "", RefuseUnknown, DropUnknown, KeepUnknown:
	default:
		return wrong("unknown_fields", "%q is not known; use refuse, drop or keep", d.UnknownFields)
	}
	if v, ok := d.SchemaVersion.Get(); ok && v == "" {
		return wrong("schema_version", "the version is empty; leave it out when there is none")
	}
	return nil
}

// Declaration returns what the model was compiled from, in the spelling that all
// equal declarations share.
func (m *Model) Declaration() Declaration { return m.declaration }

// Encoding is how new payloads are written.
func (m *Model) Encoding() resource.Encoding { return normalEncoding(m.declaration.Encoding) }

// SchemaVersion is the one that new revisions are written at; unset: none.
func (m *Model) SchemaVersion() opt.Value[string] { return m.declaration.SchemaVersion }

// Typed reports whether the payload's type is known: by fields or a JSON schema.
// The bytes are those of the original only then.
func (m *Model) Typed() bool { return m.root != nil && m.root.kind != kindGiven }

// IndexedPaths returns the dotted paths of the indexed fields, ascending.
func (m *Model) IndexedPaths() []string { return m.indexed }

// UniquePaths returns those of the indexed paths whose values no two live
// resources share, ascending.
func (m *Model) UniquePaths() []string { return m.unique }

// BinaryPaths returns where references to blobs can stand, ascending: lists are
// stepped through, "*" is any key of a map. Those within "any" are not known.
func (m *Model) BinaryPaths() []string { return m.binary }

// EncodeOptions refine [Model.Encode].
type EncodeOptions struct {
	// Binary, when not nil, says what is stored for each reference to a blob, in
	// the order they stand in the text. Its error refuses the payload.
	Binary func(BinaryInput) (BinaryInput, error)
}

// Canonical returns the bytes the original would have stored for a payload that
// is submitted as JSON text, in the given encoding; for a model that is known by
// name only, what [payload.Canonical] returns.
//
// A payload that does not fit is refused with a [*ValueError], a text that is no
// JSON or breaks a limit with a [*payload.SyntaxError]. The limits are those of
// package payload.
func (m *Model) Canonical(enc resource.Encoding, jsonText []byte) ([]byte, error) {
	return m.Encode(enc, jsonText, EncodeOptions{})
}

// Encode is Canonical with options.
func (m *Model) Encode(enc resource.Encoding, jsonText []byte, o EncodeOptions) ([]byte, error) {
	if m.schema == nil {
		return m.encode(enc, jsonText, o)
	}
	var known []BinaryInput
	if ask := o.Binary; ask != nil {
		o.Binary = func(b BinaryInput) (BinaryInput, error) {
			b, err := ask(b)
			known = append(known, b)
			return b, err
		}
	}
	stored, err := m.encode(enc, jsonText, o)
	if err != nil {
		return nil, err
	}
	asJSON := stored
	if enc == resource.Msgpack {
		if o.Binary != nil { // they have been asked about
			o.Binary = func(BinaryInput) (b BinaryInput, err error) {
				b, known = known[0], known[1:]
				return b, nil
			}
		}
		if asJSON, err = m.encode(resource.JSON, jsonText, o); err != nil {
			return nil, err
		}
	}
	if err := m.validate(asJSON); err != nil {
		return nil, err
	}
	return stored, nil
}

func (m *Model) encode(enc resource.Encoding, jsonText []byte, o EncodeOptions) ([]byte, error) {
	root := m.root
	if root == nil {
		root = givenNode
	}
	w, ok := m.walkers.Get().(*walker)
	if !ok {
		w = &walker{}
	}
	defer m.release(w)
	w.reset(jsonText, enc == resource.Msgpack)
	w.binary = o.Binary
	if err := w.document(root); err != nil {
		return nil, err
	}
	return w.out, nil
}

// maxScratch is how large the scratch may be that is kept for the next payload.
const maxScratch = 64 << 10

// release keeps the scratch of a walker that is done.
func (m *Model) release(w *walker) {
	w.out, w.B, w.binary = nil, nil, nil
	if cap(w.swap) > maxScratch || cap(w.members)+cap(w.elements)+cap(w.spans) > maxScratch/16 {
		return
	}
	clear(w.members[:cap(w.members)])
	m.walkers.Put(w)
}
