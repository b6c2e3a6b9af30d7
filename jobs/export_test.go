package jobs

// DecodeWith has an executor decode messages by f.
func (x *Executor) DecodeWith(f func(contentType string, message []byte) (Envelope, error)) {
	x.decode = f
}
