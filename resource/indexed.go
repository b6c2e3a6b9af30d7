package resource

// Indexed placeholder.
type Indexed struct{ raw []byte }
