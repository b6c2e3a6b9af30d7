package archive

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource"
)

// The tags of the records, the value of their key "t".
const (
	tagHeader     = "HeaderRecord"
	tagModelStart = "ModelStartRecord"
	tagMeta       = "MetaRecord"
	tagRevision   = "RevisionRecord"
	tagBlob       = "BlobRecord"
	tagModelEnd   = "ModelEndRecord"
	tagEOF        = "EofRecord"
)

// payload is the decoded map of a frame. Keys of all records share it, because
// the tag may stand behind the fields it decides about. Its slices are parts of
// the frame.
type payload struct {
	seen        fields
	tag         string
	version     int64
	size        int64
	model       []byte
	fileID      []byte
	contentType []byte
	data        []byte
	blob        []byte
}

// fields is a set of keys.
type fields uint8

const (
	fieldTag fields = 1 << iota
	fieldVersion
	fieldModel
	fieldData
	fieldFileID
	fieldBlob
	fieldSize
	fieldContentType
)

// fieldNames are the keys in the order of their bits.
var fieldNames = [...]string{
	"t", "version", "model_name", "data", "file_id", "blob_data", "size", "content_type",
}

// decodeRecord decodes the payload of one frame. When owned, the record may keep
// parts of frame; otherwise it copies what it keeps.
func decodeRecord(frame []byte, owned bool) (Record, error) {
	if len(frame) == 0 {
		return nil, errors.New("frame without a payload")
	}
	if data, ok := onlyData(frame, metaPrefix); ok {
		return metaRecord(data, owned)
	}
	if data, ok := onlyData(frame, revisionPrefix); ok {
		return revisionRecord(data, owned)
	}
	var p payload
	if err := p.decode(frame); err != nil {
		return nil, err
	}
	switch p.tag {
	case tagHeader:
		if p.seen&fieldVersion == 0 {
			p.version = Version
		}
		return Header{Version: int(p.version)}, nil
	case tagModelStart:
		return ModelStart{Model: string(p.model)}, p.require(fieldModel)
	case tagMeta:
		if err := p.require(fieldData); err != nil {
			return nil, err
		}
		return metaRecord(p.data, owned)
	case tagRevision:
		if err := p.require(fieldData); err != nil {
			return nil, err
		}
		return revisionRecord(p.data, owned)
	case tagBlob:
		return p.blobRecord(owned), p.require(fieldFileID | fieldBlob | fieldSize | fieldContentType)
	case tagModelEnd:
		return ModelEnd{Model: string(p.model)}, p.require(fieldModel)
	case tagEOF:
		return EOF{}, nil
	}
	return nil, fmt.Errorf("record of unknown type %.40q", p.tag)
}

// The beginnings of the two records that archives consist of, as written: a map
// of two, the tag and the key of the data.
const (
	metaPrefix     = "\x82\xa1t\xaa" + tagMeta + "\xa4data"
	revisionPrefix = "\x82\xa1t\xae" + tagRevision + "\xa4data"
)

// onlyData is the quick way to the data of a frame that is nothing but prefix
// and data.
func onlyData(frame []byte, prefix string) ([]byte, bool) {
	r := msgpack.NewReader(frame)
	if !r.Match(prefix) {
		return nil, false
	}
	data, err := r.Bin()
	return data, err == nil && r.End() == nil
}

func metaRecord(data []byte, owned bool) (Record, error) {
	m, err := resource.DecodeMeta(resource.Msgpack, text(data, owned))
	if err != nil {
		return nil, err
	}
	return Meta{Meta: m}, nil
}

func revisionRecord(data []byte, owned bool) (Record, error) {
	if rev, ok := writtenRevision(data, owned); ok {
		return Revision{Revision: rev}, nil
	}
	rev, err := decodeRevision(data, owned)
	if err != nil {
		return nil, err
	}
	return Revision{Revision: rev}, nil
}

// writtenRevision is the quick way to a revision in written order.
func writtenRevision(data []byte, owned bool) (rev resource.Revision, ok bool) {
	const first, second = "\x82\xa4info", "\xa8raw_data"
	if len(data) < len(first) || string(data[:len(first)]) != first {
		return rev, false
	}
	info, rest, ok := resource.CutRevisionInfo(text(data[len(first):], owned))
	if !ok {
		return rev, false
	}
	r := msgpack.NewReader(data[len(data)-len(rest):])
	if !r.Match(second) {
		return rev, false
	}
	raw, err := r.Bin()
	return resource.Revision{Info: info, Data: keep(raw, owned)}, err == nil && r.End() == nil
}

// decode reads the map; a key that no record has is skipped.
func (p *payload) decode(frame []byte) error {
	r := msgpack.NewReader(frame)
	n, err := r.MapLen()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Key()
		if err != nil {
			return err
		}
		if err := p.decodeField(&r, key); err != nil {
			return fmt.Errorf("field %.40q: %w", key, err)
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	return p.require(fieldTag)
}

func (p *payload) decodeField(r *msgpack.Reader[[]byte], key []byte) (err error) {
	switch string(key) {
	case "t":
		p.seen |= fieldTag
		p.tag, err = readTag(r)
	case "version":
		p.seen |= fieldVersion
		p.version, err = r.Int()
	case "model_name":
		p.seen |= fieldModel
		p.model, err = r.Str()
	case "data":
		p.seen |= fieldData
		p.data, err = r.Bin()
	case "file_id":
		p.seen |= fieldFileID
		p.fileID, err = r.Str()
	case "blob_data":
		p.seen |= fieldBlob
		p.blob, err = r.Bin()
	case "size":
		p.seen |= fieldSize
		p.size, err = r.Int()
	case "content_type":
		p.seen |= fieldContentType
		p.contentType, err = r.Str()
	default:
		err = r.Skip()
	}
	return err
}

// readTag returns the constant for a known tag, so that no record pays for one.
func readTag(r *msgpack.Reader[[]byte]) (string, error) {
	b, err := r.Str()
	switch string(b) {
	case tagMeta:
		return tagMeta, err
	case tagRevision:
		return tagRevision, err
	}
	return string(b), err
}

// require reports the first of the wanted keys that is missing.
func (p *payload) require(want fields) error {
	for i, name := range fieldNames {
		if bit := fields(1) << i; want&bit != 0 && p.seen&bit == 0 {
			return fmt.Errorf("%s without field %q", cmp.Or(p.tag, "record"), name)
		}
	}
	return nil
}

func (p *payload) blobRecord(owned bool) Blob {
	return Blob{
		FileID:      string(p.fileID),
		Data:        keep(p.blob, owned),
		Size:        p.size,
		ContentType: string(p.contentType),
	}
}

// decodeRevision decodes the map of info and raw_data.
func decodeRevision(b []byte, owned bool) (rev resource.Revision, err error) {
	r := msgpack.NewReader(b)
	n, err := r.MapLen()
	if err != nil {
		return rev, fmt.Errorf("decode revision: %w", err)
	}
	var info, data []byte
	for range n {
		key, err := r.Key()
		if err != nil {
			return rev, fmt.Errorf("decode revision: %w", err)
		}
		switch start := r.Offset(); string(key) {
		case "info":
			err = r.Skip()
			info = r.Since(start)
		case "raw_data":
			data, err = r.Bin()
		default:
			err = r.Skip()
		}
		if err != nil {
			return rev, fmt.Errorf("decode revision: field %.40q: %w", key, err)
		}
	}
	if info == nil || data == nil {
		return rev, errors.New("decode revision: info or raw_data is missing")
	}
	if err := r.End(); err != nil {
		return rev, fmt.Errorf("decode revision: %w", err)
	}
	rev.Data = keep(data, owned)
	rev.Info, err = resource.DecodeRevisionInfo(resource.Msgpack, text(info, owned))
	return rev, err
}

// text returns b, which is part of a frame, as a string; of an owned frame,
// which nobody writes to any more, it is a view.
func text(b []byte, owned bool) string {
	if owned {
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	return string(b)
}

// keep returns b, which is part of a frame, as memory the record owns.
func keep(b []byte, owned bool) []byte {
	if owned {
		return slices.Clip(b)
	}
	return append(make([]byte, 0, len(b)), b...)
}
