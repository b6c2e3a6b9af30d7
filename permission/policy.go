package permission

// Policy says how entries that disagree, or that there are none, decide. It is a
// set of bits, as the original's.
type Policy uint8

// The parts of a policy. With both overrides the first entry decides, in the
// order of [Entry]; with none a deny wins.
const (
	DenyOverrides  Policy = 1 << iota // the first deny decides
	AllowOverrides                    // the first allow decides
	DefaultAllow                      // allow where no entry matches
	DefaultDeny                       // deny where no entry matches; also without this

	// Strict is the policy unless another is chosen.
	Strict = DenyOverrides | DefaultDeny
	// Permissive allows what nothing denies, and what anything allows.
	Permissive = AllowOverrides | DefaultAllow
)

// has reports whether p holds all of q.
func (p Policy) has(q Policy) bool { return p&q == q }

// otherwise is the answer where no entry matches.
func (p Policy) otherwise() Result {
	if p.has(DefaultAllow) {
		return Allow
	}
	return Deny
}
