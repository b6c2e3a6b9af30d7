package archive

import "fmt"

// section is where in the stream a reader or writer is.
type section struct {
	begun bool // the header was there
	ended bool // the EOF record was there
	open  bool // inside a section
	model string
}

// admit checks that rec may stand here and moves on; the error says why not.
func (s *section) admit(rec Record) error {
	if s.ended {
		return fmt.Errorf("%s behind the %s", name(rec), tagEOF)
	}
	if _, isHeader := rec.(Header); isHeader == s.begun {
		if s.begun {
			return fmt.Errorf("second %s", tagHeader)
		}
		return fmt.Errorf("the first record is a %s, not a %s", name(rec), tagHeader)
	}
	s.begun = true
	switch rec := rec.(type) {
	case Header:
	case ModelStart:
		if s.open {
			return fmt.Errorf("%s of %.80q inside the section of %.80q", tagModelStart, rec.Model, s.model)
		}
		s.open, s.model = true, rec.Model
	case ModelEnd:
		if !s.open {
			return fmt.Errorf("%s of %.80q outside of a section", tagModelEnd, rec.Model)
		}
		if rec.Model != s.model {
			return fmt.Errorf("%s of %.80q closes the section of %.80q", tagModelEnd, rec.Model, s.model)
		}
		s.open = false
	case EOF:
		if s.open {
			return fmt.Errorf("%s inside the section of %.80q", tagEOF, s.model)
		}
		s.ended = true
	default:
		if !s.open {
			return fmt.Errorf("%s outside of a section", name(rec))
		}
	}
	return nil
}

// name is the record's tag.
func name(rec Record) string {
	switch rec.(type) {
	case Header:
		return tagHeader
	case ModelStart:
		return tagModelStart
	case Meta:
		return tagMeta
	case Revision:
		return tagRevision
	case Blob:
		return tagBlob
	case ModelEnd:
		return tagModelEnd
	default:
		return tagEOF
	}
}
