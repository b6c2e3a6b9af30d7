package payload

import "time"

// ignore receives events of a walk that only checks.
type ignore struct{}

func (ignore) null() error                { return nil }
func (ignore) boolean(bool) error         { return nil }
func (ignore) integer(bool, uint64) error { return nil }
func (ignore) bigInteger([]byte) error    { return nil }
func (ignore) float(float64) error        { return nil }
func (ignore) text([]byte) error          { return nil }
func (ignore) bytes([]byte) error         { return nil }
func (ignore) timestamp(time.Time) error  { return nil }
func (ignore) beginArray() error          { return nil }
func (ignore) endArray(int) error         { return nil }
func (ignore) beginObject() error         { return nil }
func (ignore) key([]byte) error           { return nil }
func (ignore) endObject(int) error        { return nil }
