package archive

// Limits bounds what a [Reader] accepts. A zero field means its default.
type Limits struct {
	// FrameBytes is the largest payload of one frame, in bytes; 64 MiB by
	// default. The format itself allows 4 GiB - 1: raise it to read larger blobs.
	FrameBytes int64
	// Records is the largest number of records in one archive; 10^8 by default.
	Records int64
}

// The defaults of [Limits].
const (
	DefaultFrameBytes = 64 << 20
	DefaultRecords    = 100_000_000
)

func (l Limits) withDefaults() Limits {
	if l.FrameBytes <= 0 {
		l.FrameBytes = DefaultFrameBytes
	}
	if l.Records <= 0 {
		l.Records = DefaultRecords
	}
	return l
}
