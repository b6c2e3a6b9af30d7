package consumer

import _ "embed"

//go:embed asyncapi.yaml
var asyncAPI string

// AsyncAPI returns the AsyncAPI 3 document, in YAML, of the subjects and messages of a
// queue, for programs in other languages. It refers to jobs.EnvelopeSchema and
// [LetterSchema] by the paths of their files.
func AsyncAPI() string { return asyncAPI }
