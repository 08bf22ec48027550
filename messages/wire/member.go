package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"unique"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Bounds of what a packet of [messages.ProtocolMember] says.
const (
	// MemberClaimsMax bounds the claims of a packet, the sender's own
	// included, so that the longest ones fit into messages.PacketHeadMax.
	MemberClaimsMax = 256
	// MemberNewsMax is how many of them a sync sends along with a list of
	// MemberKnownMax.
	MemberNewsMax = 64
	// MemberClaimMax bounds the encoding of one claim, in bytes: id 34,
	// incarnation 11, status 2, capacity 11, domain 66, coordinate 30, round 6,
	// accuser 34, undialable 2, tag and length 3.
	MemberClaimMax = 199
	// MemberKnownMax bounds the list of what the sender of a sync knows.
	MemberKnownMax = 3 << 10
	// memberClaimReadMax leaves room for what newer nodes may add to a claim.
	memberClaimReadMax = 512
)

// MemberClaim is what a node says of a member, itself or another. Claims are
// hearsay: only the sender of a packet is proved.
//
//	message MemberClaim {
//	  bytes id = 1;                  // 32 bytes, not zero
//	  uint64 incarnation = 2;
//	  uint32 status = 3;             // messages.MemberStatus
//	  uint64 capacity_blocks = 4;
//	  string domain = 5;
//	  repeated float coordinate = 6; // packed: 4 of the vector, height, adjustment, error
//	  uint32 round = 7;              // grows with each coordinate that the member tells
//	  bytes accuser = 8;             // 32 bytes; who suspects it
//	  bool undialable = 9;
//	}
type MemberClaim struct {
	// Member is without UptimeClass, which is not sent.
	Member messages.Member
	// Round counts the coordinates that the member has told in this
	// incarnation; the highest is the latest.
	Round uint32
	// Accuser is who did not get an answer from it, or zero.
	Accuser messages.NodeID
}

// coordinateSize is the encoding of a coordinate: seven floats.
const coordinateSize = 7 * 4

// append appends the claim's fields.
func (m *MemberClaim) append(b []byte) []byte {
	b = appendBytes(b, 1, m.Member.ID[:])
	b = appendUint(b, 2, m.Member.Incarnation)
	b = appendUint(b, 3, uint64(m.Member.Status))
	b = appendUint(b, 4, m.Member.CapacityBlocks)
	b = appendBytes(b, 5, m.Member.Domain)
	if m.Member.Coordinate != (messages.Coordinate{}) {
		b = protowire.AppendTag(b, 6, protowire.BytesType)
		b = append(b, coordinateSize)
		c := &m.Member.Coordinate
		for _, v := range [...]float32{
			c.Vec[0], c.Vec[1], c.Vec[2], c.Vec[3], c.Height, c.Adjustment, c.Error,
		} {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	b = appendUint(b, 7, uint64(m.Round))
	if m.Accuser != (messages.NodeID{}) {
		b = appendBytes(b, 8, m.Accuser[:])
	}
	if m.Member.Undialable {
		b = appendUint(b, 9, 1)
	}
	return b
}

// decode reads the claim's fields into m, which is zero. Claims are short:
// their length needs at most two bytes.
func (m *MemberClaim) decode(b []byte) error {
	r := newReader(b)
	for r.next() {
		switch r.num {
		case 1:
			r.fixed(m.Member.ID[:])
		case 2:
			m.Member.Incarnation = r.uint(math.MaxUint64)
		case 3:
			m.Member.Status = messages.MemberStatus(r.uint(uint64(messages.MemberLeft)))
		case 4:
			m.Member.CapacityBlocks = r.uint(math.MaxUint64)
		case 5:
			if domain := r.bytes(messages.DomainMax); len(domain) > 0 {
				// Many members share few domains.
				m.Member.Domain = unique.Make(string(domain)).Value()
			}
		case 6:
			r.coordinate(&m.Member.Coordinate)
		case 7:
			m.Round = uint32(r.uint(math.MaxUint32))
		case 8:
			r.fixed(m.Accuser[:])
		case 9:
			m.Member.Undialable = r.uint(1) == 1
		}
	}
	switch {
	case m.Member.ID == messages.NodeID{}:
		r.fail("a member without an ID")
	case m.Member.Status == 0:
		r.fail("a member without a status")
	}
	return r.err
}

// coordinate reads a packed coordinate; NaN and infinities are refused.
func (r *reader) coordinate(c *messages.Coordinate) {
	var raw [coordinateSize]byte
	var v [7]float32
	r.fixed(raw[:])
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		if v[i] != v[i] || math.IsInf(float64(v[i]), 0) {
			r.fail("not a number")
		}
	}
	c.Vec, c.Height, c.Adjustment, c.Error = [4]float32(v[:4]), v[4], v[5], v[6]
}

// MemberKind is what a [MemberRequest] asks for.
type MemberKind uint8

// The kinds of request.
const (
	MemberPing  MemberKind = 1 // are you there?
	MemberRelay MemberKind = 2 // can you reach Target?
	MemberSync  MemberKind = 3 // this I know from Start to End: what do you know better?
)

// MemberKnown tells, in short, what is known of a member, so that the other
// one can find out whether it knows more. Lists of it are in ascending order.
type MemberKnown struct {
	Prefix uint64 // the first eight bytes of the ID, big-endian
	Digest uint32 // of incarnation and status, never 0; both sides compute it alike
	Round  uint32 // see MemberClaim
}

// memberKnownSize is the encoding of a MemberKnown, in bytes.
const memberKnownSize = 16

// Known returns what a claim says in short.
func (m *MemberClaim) Known() MemberKnown {
	// The finalizer of SplitMix64; the status needs three bits.
	x := m.Member.Incarnation<<3 | uint64(m.Member.Status)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return MemberKnown{
		Prefix: binary.BigEndian.Uint64(m.Member.ID[:]), Digest: uint32(x^x>>31) | 1, Round: m.Round,
	}
}

// MemberRequest is the head of a request of [messages.ProtocolMember].
//
//	message MemberRequest {
//	  uint32 kind = 1;
//	  bytes target = 2;              // relay: whom to reach
//	  bytes start = 3;               // sync: the first ID of the range; absent is zero
//	  bytes end = 4;                 // sync: the ID after the range; absent is no end
//	  repeated MemberClaim claims = 5; // the first one is the sender's of itself
//	  bytes known = 6;               // sync: 8, 4 and 4 bytes for each member, big-endian
//	}
type MemberRequest struct {
	Kind       MemberKind
	Target     messages.NodeID
	Start, End messages.NodeID
	Claims     []MemberClaim
	Known      []MemberKnown
}

// Append appends the encoding to b.
func (m *MemberRequest) Append(b []byte) []byte {
	b = appendUint(b, 1, uint64(m.Kind))
	b = appendID(b, 2, m.Target)
	b = appendID(b, 3, m.Start)
	b = appendID(b, 4, m.End)
	b = appendClaims(b, 5, m.Claims)
	if len(m.Known) > 0 {
		b = protowire.AppendTag(b, 6, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(len(m.Known)*memberKnownSize))
		for _, known := range m.Known {
			b = binary.BigEndian.AppendUint64(b, known.Prefix)
			b = binary.BigEndian.AppendUint32(b, known.Digest)
			b = binary.BigEndian.AppendUint32(b, known.Round)
		}
	}
	return b
}

// DecodeMemberRequest decodes a request. Claims are written into room, which
// may be nil, as far as it goes, so that one array serves many packets.
func DecodeMemberRequest(b []byte, room []MemberClaim) (MemberRequest, error) {
	m := MemberRequest{Claims: room[:0]}
	r := newReader(b)
	for r.next() {
		switch r.num {
		case 1:
			m.Kind = MemberKind(r.uint(uint64(MemberSync)))
		case 2:
			r.fixed(m.Target[:])
		case 3:
			r.fixed(m.Start[:])
		case 4:
			r.fixed(m.End[:])
		case 5:
			m.Claims = r.claim(m.Claims)
		case 6:
			m.Known = r.known()
		}
	}
	if m.Kind == 0 {
		r.fail("no kind")
	}
	if len(m.Claims) == 0 {
		r.fail("no sender")
	}
	if r.err != nil {
		return MemberRequest{}, r.err
	}
	return m, nil
}

// MemberResponse is the head of the answer to a [MemberRequest].
//
//	message MemberResponse {
//	  uint32 reached = 1;            // relay: 1 if the target answered
//	  bytes end = 2;                 // sync: up to where this answers; absent is no end
//	  repeated MemberClaim claims = 3; // the first one is the sender's of itself
//	}
type MemberResponse struct {
	Reached bool
	End     messages.NodeID
	Claims  []MemberClaim
}

// Append appends the encoding to b.
func (m *MemberResponse) Append(b []byte) []byte {
	if m.Reached {
		b = appendUint(b, 1, 1)
	}
	b = appendID(b, 2, m.End)
	return appendClaims(b, 3, m.Claims)
}

// DecodeMemberResponse decodes a response; see [DecodeMemberRequest] for room.
func DecodeMemberResponse(b []byte, room []MemberClaim) (MemberResponse, error) {
	m := MemberResponse{Claims: room[:0]}
	r := newReader(b)
	for r.next() {
		switch r.num {
		case 1:
			m.Reached = r.uint(1) == 1
		case 2:
			r.fixed(m.End[:])
		case 3:
			m.Claims = r.claim(m.Claims)
		}
	}
	if len(m.Claims) == 0 {
		r.fail("no sender")
	}
	if r.err != nil {
		return MemberResponse{}, r.err
	}
	return m, nil
}

// known reads a list of what the sender knows.
func (r *reader) known() []MemberKnown {
	raw := r.bytes(MemberKnownMax * memberKnownSize)
	if len(raw)%memberKnownSize != 0 {
		r.fail("a list of members that is cut off")
	}
	if r.err != nil || len(raw) == 0 {
		return nil
	}
	all := make([]MemberKnown, len(raw)/memberKnownSize)
	for i := range all {
		b := raw[i*memberKnownSize:]
		all[i] = MemberKnown{
			Prefix: binary.BigEndian.Uint64(b), Digest: binary.BigEndian.Uint32(b[8:]),
			Round: binary.BigEndian.Uint32(b[12:]),
		}
	}
	return all
}

// appendID appends an ID, or nothing for zero.
func appendID(b []byte, num protowire.Number, id messages.NodeID) []byte {
	if id == (messages.NodeID{}) {
		return b
	}
	return appendBytes(b, num, id[:])
}

// appendClaims appends each claim as a nested message.
func appendClaims(b []byte, num protowire.Number, claims []MemberClaim) []byte {
	var room [MemberClaimMax]byte
	for i := range claims {
		b = appendBytes(b, num, claims[i].append(room[:0]))
	}
	return b
}

// claim reads one more nested claim.
func (r *reader) claim(claims []MemberClaim) []MemberClaim {
	body := r.bytes(memberClaimReadMax)
	if r.err != nil {
		return claims
	}
	if len(claims) == MemberClaimsMax {
		r.err = fmt.Errorf("%w: more than %d members", ErrTooLarge, MemberClaimsMax)
		return claims
	}
	claims = append(claims, MemberClaim{})
	if err := claims[len(claims)-1].decode(body); err != nil {
		r.err = err
	}
	return claims
}
