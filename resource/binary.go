package resource

import "github.com/specstar-worker/worker/opt"

// Binary is a reference from a payload to a blob. In a payload it is a map of
// exactly file_id (text), size (integer) and, when known, content_type (text).
type Binary struct {
	FileID      string
	Size        int64
	ContentType opt.Value[string]
}
