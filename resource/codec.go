package resource

import "fmt"

// Append appends m in the given encoding to b, in the bytes the original
// writes, and returns the extended slice.
func (m Meta) Append(enc Encoding, b []byte) []byte {
	if enc == JSON {
		return m.appendJSON(b)
	}
	return m.appendMsgpack(b)
}

// MarshalJSON returns the original's JSON form of m.
func (m Meta) MarshalJSON() ([]byte, error) { return m.appendJSON(nil), nil }

// UnmarshalJSON reads what [Meta.MarshalJSON] writes, see [DecodeMeta].
func (m *Meta) UnmarshalJSON(b []byte) (err error) {
	*m, err = DecodeMeta(JSON, b)
	return err
}

// Append appends i in the given encoding to b, in the bytes the original
// writes, and returns the extended slice.
func (i RevisionInfo) Append(enc Encoding, b []byte) []byte {
	if enc == JSON {
		return i.appendJSON(b)
	}
	return i.appendMsgpack(b)
}

// MarshalJSON returns the original's JSON form of i.
func (i RevisionInfo) MarshalJSON() ([]byte, error) { return i.appendJSON(nil), nil }

// UnmarshalJSON reads what [RevisionInfo.MarshalJSON] writes, see
// [DecodeRevisionInfo].
func (i *RevisionInfo) UnmarshalJSON(b []byte) (err error) {
	*i, err = DecodeRevisionInfo(JSON, b)
	return err
}

// DecodeMeta decodes a meta that is the whole of b. Keys may stand in any order
// and unknown ones are ignored; of a repeated key the last one counts. An error
// names the field and the byte offset. The result shares nothing with a slice;
// of a string its texts are parts.
func DecodeMeta[B ~[]byte | ~string](enc Encoding, b B) (Meta, error) {
	text := string(b)
	var m Meta
	if enc == Msgpack && m.decodeOrdered(text) {
		return m, nil
	}
	m, err := decodeMeta(enc, text)
	if err != nil {
		return Meta{}, fmt.Errorf("decode meta: %w", err)
	}
	return m, nil
}

func decodeMeta(enc Encoding, text string) (m Meta, err error) {
	src, err := newSource(enc, text)
	if err != nil {
		return m, err
	}
	err = decodeFields(src, m.decodeField, metaRequired)
	return m, err
}

// DecodeRevisionInfo decodes an info that is the whole of b, by the same rules
// as [DecodeMeta].
func DecodeRevisionInfo[B ~[]byte | ~string](enc Encoding, b B) (RevisionInfo, error) {
	text := string(b)
	if enc == Msgpack {
		if i, rest, ok := CutRevisionInfo(text); ok && rest == "" {
			return i, nil
		}
	}
	i, err := decodeRevisionInfo(enc, text)
	if err != nil {
		return RevisionInfo{}, fmt.Errorf("decode revision info: %w", err)
	}
	return i, nil
}

// CutRevisionInfo decodes a msgpack info at the beginning of text and returns
// what stands behind it. It is quick and knows only infos as every writer leaves
// them, in declaration order and not migrated; of others it says no, and
// [DecodeRevisionInfo] decides.
func CutRevisionInfo(text string) (i RevisionInfo, rest string, ok bool) {
	o := newOrdered(text)
	i.readOrdered(&o)
	if o.failed || o.left != 0 {
		return RevisionInfo{}, text, false
	}
	return i, text[o.r.Offset():], true
}

func decodeRevisionInfo(enc Encoding, text string) (i RevisionInfo, err error) {
	src, err := newSource(enc, text)
	if err != nil {
		return i, err
	}
	err = decodeFields(src, i.decodeField, revisionRequired)
	return i, err
}

func newSource(enc Encoding, text string) (source, error) {
	switch enc {
	case JSON:
		return newJSONSource(text), nil
	case Msgpack:
		return newMsgpackSource(text), nil
	}
	return nil, fmt.Errorf("encoding %q is not known", string(enc))
}
