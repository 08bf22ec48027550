package wire

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// longestClaim has every field at its largest.
func longestClaim() MemberClaim {
	m := MemberClaim{Round: math.MaxUint32}
	m.Member = messages.Member{
		Incarnation: math.MaxUint64, Status: messages.MemberLeft,
		CapacityBlocks: math.MaxUint64, Domain: strings.Repeat("d", messages.DomainMax),
		Coordinate: messages.Coordinate{
			Vec: [4]float32{1, -2, 3, -4}, Height: 5, Adjustment: -6, Error: 7,
		},
	}
	for i := range m.Accuser {
		m.Accuser[i], m.Member.ID[i] = 255, 254
	}
	return m
}

func smallClaim() MemberClaim {
	return MemberClaim{Member: messages.Member{
		ID: messages.NodeID{1}, Status: messages.MemberAlive,
	}}
}

func TestMemberMessagesComeBack(t *testing.T) {
	claims := []MemberClaim{smallClaim(), longestClaim()}
	request := MemberRequest{
		Kind: MemberSync, Target: messages.NodeID{2}, Start: messages.NodeID{3},
		End: messages.NodeID{4}, Claims: claims, Known: []MemberKnown{{1, 2, 3}, {4, 5, 6}},
	}
	// What an earlier packet left in the room must not show through.
	room := []MemberClaim{longestClaim(), longestClaim(), longestClaim()}
	got, err := DecodeMemberRequest(request.Append(nil), room)
	if err != nil || !reflect.DeepEqual(got, request) {
		t.Errorf("got %+v, %v; want %+v", got, err, request)
	}
	response := MemberResponse{Reached: true, End: messages.NodeID{5}, Claims: claims[:1]}
	again, err := DecodeMemberResponse(response.Append(nil), nil)
	if err != nil || !reflect.DeepEqual(again, response) {
		t.Errorf("got %+v, %v; want %+v", again, err, response)
	}
}

// TestMemberPacketFits: the most and the longest claims are within a packet.
func TestMemberPacketFits(t *testing.T) {
	longest := longestClaim()
	if n := len(longest.append(nil)); n > MemberClaimMax {
		t.Errorf("a claim has %d bytes, bound %d", n, MemberClaimMax)
	}
	request := MemberRequest{
		Kind: MemberSync, Target: longest.Accuser, Start: longest.Accuser, End: longest.Accuser,
	}
	for range MemberClaimsMax {
		request.Claims = append(request.Claims, longest)
	}
	packet := request.Append(nil)
	if len(packet) > messages.PacketHeadMax {
		t.Errorf("a packet has %d bytes, bound %d", len(packet), messages.PacketHeadMax)
	}
	if _, err := DecodeMemberRequest(packet, nil); err != nil {
		t.Errorf("the fullest packet: %v", err)
	}
	page := request
	page.Claims = page.Claims[:MemberNewsMax]
	page.Known = make([]MemberKnown, MemberKnownMax)
	if n := len(page.Append(nil)); n > messages.PacketHeadMax {
		t.Errorf("a page of a sync has %d bytes, bound %d", n, messages.PacketHeadMax)
	}
	request.Claims = append(request.Claims, smallClaim())
	if _, err := DecodeMemberRequest(request.Append(nil), nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one claim more: got %v, want %v", err, ErrTooLarge)
	}
}

func TestMemberMessagesRefuse(t *testing.T) {
	with := func(change func(*MemberClaim)) []byte {
		claim := smallClaim()
		change(&claim)
		return (&MemberRequest{Kind: MemberPing, Claims: []MemberClaim{claim}}).Append(nil)
	}
	good := smallClaim()
	for name, test := range map[string]struct {
		input []byte
		want  error
	}{
		"Empty":    {nil, ErrMalformed},
		"NoKind":   {(&MemberRequest{Claims: []MemberClaim{good}}).Append(nil), ErrMalformed},
		"BadKind":  {(&MemberRequest{Kind: 4, Claims: []MemberClaim{good}}).Append(nil), ErrTooLarge},
		"NoSender": {(&MemberRequest{Kind: MemberPing}).Append(nil), ErrMalformed},
		"ZeroID":   {with(func(m *MemberClaim) { m.Member.ID = messages.NodeID{} }), ErrMalformed},
		"NoStatus": {with(func(m *MemberClaim) { m.Member.Status = 0 }), ErrMalformed},
		"UnknownStatus": {with(func(m *MemberClaim) {
			m.Member.Status = messages.MemberLeft + 1
		}), ErrTooLarge},
		"LongDomain": {appendBytes(appendUint(nil, 1, 1), 5, appendBytes(good.append(nil), 5,
			strings.Repeat("d", messages.DomainMax+1))), ErrTooLarge},
		"LongClaim": {appendBytes(appendUint(nil, 1, 1), 5,
			make([]byte, memberClaimReadMax+1)), ErrTooLarge},
		"NaN": {with(func(m *MemberClaim) {
			m.Member.Coordinate.Height = float32(math.NaN())
		}), ErrMalformed},
		"Infinite": {with(func(m *MemberClaim) {
			m.Member.Coordinate.Vec[3] = float32(math.Inf(-1))
		}), ErrMalformed},
		"CutOffKnown": {appendBytes(with(func(*MemberClaim) {}), 6, "short"), ErrMalformed},
		"LongKnown": {appendBytes(with(func(*MemberClaim) {}), 6,
			make([]byte, (MemberKnownMax+1)*memberKnownSize)), ErrTooLarge},
		"CutOff":      {with(func(*MemberClaim) {})[:20], ErrMalformed},
		"ShortTarget": {appendBytes(with(func(*MemberClaim) {}), 2, "short"), ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := DecodeMemberRequest(test.input, nil); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if _, err := DecodeMemberResponse(nil, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("empty response: got %v, want %v", err, ErrMalformed)
	}
}

func FuzzMemberRequest(f *testing.F) {
	f.Add((&MemberRequest{
		Kind: MemberRelay, Target: messages.NodeID{9},
		Claims: []MemberClaim{smallClaim(), longestClaim()}, Known: []MemberKnown{{1, 2, 3}},
	}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMemberRequest(b, nil)
		if err != nil {
			return
		}
		if again, err := DecodeMemberRequest(m.Append(nil), nil); err != nil ||
			!reflect.DeepEqual(again, m) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

func FuzzMemberResponse(f *testing.F) {
	f.Add((&MemberResponse{
		Reached: true, End: messages.NodeID{9}, Claims: []MemberClaim{longestClaim()},
	}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMemberResponse(b, nil)
		if err != nil {
			return
		}
		if again, err := DecodeMemberResponse(m.Append(nil), nil); err != nil ||
			!reflect.DeepEqual(again, m) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

func BenchmarkMemberPage(b *testing.B) {
	request := MemberRequest{Kind: MemberSync}
	for range MemberClaimsMax {
		claim := longestClaim()
		claim.Member.Domain, claim.Accuser = "house", messages.NodeID{}
		request.Claims = append(request.Claims, claim)
	}
	room := make([]MemberClaim, 0, MemberClaimsMax)
	b.ReportAllocs()
	for b.Loop() {
		packet := request.Append(make([]byte, 0, messages.PacketHeadMax))
		if _, err := DecodeMemberRequest(packet, room); err != nil {
			b.Fatal(err)
		}
	}
}

// TestKnownDiffers: what another incarnation or status makes of a member has
// another digest.
func TestKnownDiffers(t *testing.T) {
	seen := map[MemberKnown]bool{}
	for incarnation := range uint64(100) {
		for status := messages.MemberAlive; status <= messages.MemberLeft; status++ {
			claim := smallClaim()
			claim.Member.Incarnation, claim.Member.Status = 1893456000000+incarnation, status
			if known := claim.Known(); seen[known] {
				t.Fatalf("incarnation %d, %v has the digest of another", incarnation, status)
			} else {
				seen[known] = true
			}
		}
	}
}
