package qb

import "encoding/base64"

// Resign gives a text a signature that fits, so that fuzzing gets behind it.
func (c Cursors) Resign(text string) string {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < cursorMAC {
		return text
	}
	b = b[:len(b)-cursorMAC]
	return base64.RawURLEncoding.EncodeToString(append(b, c.sign(b)...))
}
