package jobs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// pinnedPlan puts the pins of a load's source in front of its plan: every worker reads
// the version that was planned, or is refused.
func pinnedPlan(l Load, plan []byte) ([]byte, error) {
	pins, err := json.Marshal(wireLoad{Source: l.Source, Size: l.Size, Modified: l.Modified, ETag: l.ETag})
	if err != nil {
		return nil, fmt.Errorf("encode the pins of %s: %w", l.Source, err)
	}
	b := binary.AppendUvarint(make([]byte, 0, len(pins)+len(plan)+binary.MaxVarintLen64), uint64(len(pins)))
	return append(append(b, pins...), plan...), nil
}

// errNoPins: a stored plan does not begin as plans do.
var errNoPins = errors.New("the stored plan has no pins of its source")

// splitPins returns a load with the pins that stand in front of its plan, and the plan.
func splitPins(l Load, body []byte) (Load, []byte, error) {
	length, n := binary.Uvarint(body)
	if n <= 0 || length > uint64(len(body)-n) {
		return l, nil, errNoPins
	}
	end := n + int(length)
	var pins wireLoad
	if err := json.Unmarshal(body[n:end], &pins); err != nil {
		return l, nil, fmt.Errorf("%w: %w", errNoPins, err)
	}
	return l.Pinned(Load{Size: pins.Size, Modified: pins.Modified, ETag: pins.ETag}), body[end:], nil
}
