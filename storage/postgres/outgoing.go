package postgres

import (
	"encoding/binary"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// copyHeader begins, and copyTrailer ends, what COPY reads in its binary format (see
// "Binary Format" of the COPY page in PostgreSQL's manual).
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// chunk is how many bytes of rows are sent in one message. The server holds a message
// in memory until all of it is there.
const chunk = 32 << 10

// anyNumber is that of the rows that COPY writes: all, or it fails.
const anyNumber = -1

// outgoing sends statements. What others hold in memory goes from there to the
// connection.
type outgoing struct {
	to net.Conn
	// changes are how many rows each command that was sent is to change.
	changes []int
	parts   net.Buffers
}

// send sends statement after statement.
func (o *outgoing) send(queued []statement) error {
	for i := range queued {
		var err error
		if s := &queued[i]; s.rows == nil {
			err = o.statement(s)
		} else {
			err = o.copy(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// statement sends a prepared statement.
func (o *outgoing) statement(s *statement) error {
	var b []byte
	var err error
	for _, m := range []pgproto3.FrontendMessage{
		&pgproto3.Bind{PreparedStatement: s.name, ParameterFormatCodes: []int16{1}, Parameters: s.params}, &pgproto3.Execute{}, &pgproto3.Sync{},
	} {
		if b, err = m.Encode(b); err != nil {
			return err
		}
	}
	o.changes = append(o.changes, s.changes)
	_, err = o.to.Write(b)
	return err
}

// copy sends rows by as many COPYs as they take, which are one message and have one
// answer.
func (o *outgoing) copy(s *statement) error {
	rows := s.rows()
	command := `COPY ` + s.table + ` (` + s.columns + `) FROM STDIN BINARY;`
	head, err := (&pgproto3.Query{String: strings.Repeat(command, 1+len(rows.cuts))}).Encode(nil)
	if err != nil {
		return err
	}
	begin := append(appendDataHead(nil, len(copyHeader)), copyHeader...)
	end, err := (&pgproto3.CopyDone{}).Encode(append(appendDataHead(nil, len(copyTrailer)), copyTrailer...))
	if err != nil {
		return err
	}
	o.changes = append(o.changes, anyNumber)
	o.parts = append(o.parts[:0], head)
	for rows := range rows.commands() {
		o.parts = append(o.parts, begin)
		for len(rows) > 0 {
			n := min(len(rows), chunk)
			o.parts = append(o.parts, appendDataHead(nil, n), rows[:n])
			rows = rows[n:]
		}
		o.parts = append(o.parts, end)
	}
	left := o.parts // WriteTo consumes it
	_, err = left.WriteTo(o.to)
	return err
}

// appendDataHead appends the head of a message with n bytes of COPY: its type, and a
// length that counts itself.
func appendDataHead(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, 'd'), uint32(n+4))
}
