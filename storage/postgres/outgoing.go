package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgproto3"
)

// copyHeader begins, and copyTrailer ends, what COPY reads in its binary format (see
// "Binary Format" of the COPY page in PostgreSQL's manual).
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// Messages before and behind the rows of each COPY; the last one ends it.
var (
	copyBegin = append(appendDataHead(nil, len(copyHeader)), copyHeader...)
	copyEnd   = append(appendDataHead(nil, len(copyTrailer)), copyTrailer...)
	copyDone  = []byte{'c', 0, 0, 0, 4}
)

// chunk is how many bytes of rows are sent in one message. The server holds a message
// in memory until all of it is there.
const chunk = 32 << 10

// anyNumber is that of the rows that COPY writes: all, or it fails.
const anyNumber = -1

// errUnannounced says that there are more rows than a statement announced.
var errUnannounced = errors.New("more rows than were announced")

// outgoing sends statements. What others hold in memory goes from there to the
// connection.
type outgoing struct {
	to net.Conn
	// changes are how many rows each command that was sent is to change.
	changes []int
	parts   net.Buffers
	// held: the end of the last rows is not sent, and that of others is.
	held bool
}

// send sends statement after statement.
func (o *outgoing) send(queued []statement) error {
	for i := range queued {
		var err error
		if s := &queued[i]; s.rows == nil {
			err = o.statement(s)
		} else {
			err = o.copy(s, i == len(queued)-1)
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
func (o *outgoing) copy(s *statement, last bool) error {
	o.changes = append(o.changes, anyNumber)
	o.parts = append(o.parts, queryMessage(s.commands()))
	return o.rows(s, last)
}

// rows sends the rows of s. The server waits for those of each of its commands, and would
// pass over what no command takes.
func (o *outgoing) rows(s *statement, last bool) error {
	left := commandsFor(s.most)
	for rows := range s.rows().commands() {
		if left == 0 {
			return fmt.Errorf("copy into %s: %w", s.table, errUnannounced)
		}
		o.command(rows)
		left--
	}
	for range left {
		o.command(nil)
	}
	if last && o.held {
		o.parts = o.parts[:len(o.parts)-1] // copyDone
	}
	return o.write()
}

// command adds the rows of one COPY to what is sent next.
func (o *outgoing) command(rows []byte) {
	o.parts = append(o.parts, copyBegin)
	for len(rows) > 0 {
		n := min(len(rows), chunk)
		o.parts = append(o.parts, appendDataHead(nil, n), rows[:n])
		rows = rows[n:]
	}
	o.parts = append(o.parts, copyEnd, copyDone)
}

// write sends what was added.
func (o *outgoing) write() error {
	left := o.parts // WriteTo consumes it
	o.parts = o.parts[:0]
	_, err := left.WriteTo(o.to)
	return err
}

// queryMessage is the message that has the server run commands.
func queryMessage(commands string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(4+len(commands)+1))
	return append(append(b, commands...), 0)
}

// appendDataHead appends the head of a message with n bytes of COPY: its type, and a
// length that counts itself.
func appendDataHead(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, 'd'), uint32(n+4))
}
