package fakebroker

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// ackPrefix is where messages are acknowledged.
const ackPrefix = "$JS.ACK."

// ack is what the subject of an acknowledgement tells.
type ack struct {
	stream, durable string
	sequence        uint64
}

// appendAck returns the subject that a delivery is acknowledged on.
func appendAck(d *durable, sequence uint64, delivery int, handed uint64, at time.Time) string {
	b := make([]byte, 0, 96)
	b = append(append(append(append(append(b, ackPrefix...), d.stream.config.Name...), '.'), d.config.Durable...), '.')
	b = append(strconv.AppendInt(b, int64(delivery), 10), '.')
	b = append(strconv.AppendUint(b, sequence, 10), '.')
	b = append(strconv.AppendUint(b, handed, 10), '.')
	b = append(strconv.AppendInt(b, at.UnixNano(), 10), '.')
	b = strconv.AppendUint(b, d.stream.waiting(max(d.next, sequence+1), d.config.FilterSubject), 10)
	return string(b)
}

// parseAck reads such a subject.
func parseAck(subject string) (ack, bool) {
	tokens := strings.Split(strings.TrimPrefix(subject, ackPrefix), ".")
	if len(tokens) != 7 {
		return ack{}, false
	}
	sequence, err := strconv.ParseUint(tokens[3], 10, 64)
	return ack{stream: tokens[0], durable: tokens[1], sequence: sequence}, err == nil
}

// nakDelay reads the delay of a nak.
func nakDelay(data []byte) time.Duration {
	var options struct {
		Delay time.Duration `json:"delay"`
	}
	_, rest, _ := strings.Cut(string(data), " ")
	_ = json.Unmarshal([]byte(rest), &options) // none is no delay
	return options.Delay
}

// headerSize is how many bytes headers take on the wire.
func headerSize(h nats.Header) int {
	if len(h) == 0 {
		return 0
	}
	n := len("NATS/1.0\r\n\r\n")
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}
