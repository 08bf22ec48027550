package messages

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sort"
)

// ForMembership is what the membership receives.
type ForMembership interface{ forMembership() }

func (PeersFound) forMembership()      {}
func (ReachFound) forMembership()      {}
func (ListMembers) forMembership()     {}
func (LeaveNetwork) forMembership()    {}
func (PacketReceived) forMembership()  {}
func (RequestAnswered) forMembership() {}

// MemberStatus is what a node believes of another.
type MemberStatus uint8

// The states of a member. A higher one overrides a lower one of the same
// incarnation.
const (
	MemberAlive   MemberStatus = 1
	MemberSuspect MemberStatus = 2 // did not answer; still asked and counted
	MemberDead    MemberStatus = 3
	MemberLeft    MemberStatus = 4 // said goodbye
)

// String names the status.
func (s MemberStatus) String() string {
	switch s {
	case MemberAlive:
		return "alive"
	case MemberSuspect:
		return "suspect"
	case MemberDead:
		return "dead"
	case MemberLeft:
		return "left"
	}
	return "unknown"
}

// DomainMax bounds the name of a failure domain, in bytes.
const DomainMax = 64

// Coordinate places a node in a space where distance is round-trip time
// (Vivaldi with heights). Units are seconds. The zero value knows nothing.
// Source: Dabek et al., "Vivaldi", SIGCOMM 2004; hashicorp/serf/coordinate.
type Coordinate struct {
	Vec        [4]float32
	Height     float32
	Adjustment float32
	Error      float32 // 0: nothing is known; 1.5: the node has not measured yet
}

// Member is what is known of a node of the network. It is immutable once
// sent.
type Member struct {
	ID          NodeID
	Incarnation uint64 // raised by the member alone, to refute what is said of it
	Status      MemberStatus
	// CapacityBlocks is how many blocks it offers to hold for others.
	CapacityBlocks uint64
	// Domain names what fails together with it (a house, a rack, a
	// provider); "" means that nothing is known to.
	Domain string
	// Undialable tells that it cannot be connected to from outside, as most
	// nodes behind home routers: two of these cannot reach each other.
	Undialable bool
	Coordinate Coordinate
	// UptimeClass is this node's own observation, 0 (seldom up) to 3 (nearly
	// always): not what the member claims, and not sent on.
	UptimeClass uint8
}

// Spot is what placement needs to know of a member, in short: a network is
// looked through for each block, and most of what there is of a member then
// only costs time.
type Spot struct {
	Point      uint64 // the first 8 bytes of its ID: its place on the ring
	Key        uint64 // 8 others
	Exponent   int8   // binary logarithm of CapacityBlocks, rounded down; -1: it offers none
	Uptime     uint8  // UptimeClass
	Undialable bool
	Domain     uint32 // a hash of its failure domain; 0: none is known
}

// View is who is in the network as one node sees it: alive and suspected
// members, itself included, in ascending order of ID. It is immutable, and
// made by [NewView].
type View struct {
	Self    NodeID
	Version uint64 // grows with each change of this node's view
	// Placement grows when what placement depends on has changed: who is
	// there, with what capacity, domain and uptime class. Views of the same
	// Placement differ in suspicions and coordinates alone.
	Placement uint64
	Members   []*Member
	Spots     []Spot // of Members, in their order
}

// NewView makes a view of members, which are in ascending order of ID and
// become its own. Of an earlier view of the same Placement, if there is one,
// it shares the spots.
func NewView(self NodeID, version, placement uint64, members []*Member, last *View) *View {
	v := &View{Self: self, Version: version, Placement: placement, Members: members}
	if last != nil && last.Placement == placement && len(last.Spots) == len(members) {
		v.Spots = last.Spots
		return v
	}
	v.Spots = make([]Spot, len(members))
	for i, m := range members {
		v.Spots[i] = Spot{
			Point: binary.BigEndian.Uint64(m.ID[:]), Key: binary.LittleEndian.Uint64(m.ID[16:]),
			Exponent: int8(bits.Len64(m.CapacityBlocks) - 1), Uptime: min(m.UptimeClass, 3),
			Undialable: m.Undialable, Domain: domainHash(m.Domain),
		}
	}
	return v
}

// domainHash is FNV-1a, never 0 for a domain. Two domains with one hash
// count as one, which costs a little spread.
// Source: http://www.isthe.com/chongo/tech/comp/fnv/
func domainHash(domain string) uint32 {
	if domain == "" {
		return 0
	}
	hash := uint32(2166136261)
	for i := range len(domain) {
		hash = (hash ^ uint32(domain[i])) * 16777619
	}
	return max(1, hash)
}

// Find returns the member of that ID, or nil.
func (v *View) Find(id NodeID) *Member {
	i := v.Search(id)
	if i < len(v.Members) && v.Members[i].ID == id {
		return v.Members[i]
	}
	return nil
}

// Search returns the index of the first member whose ID is not below id.
func (v *View) Search(id NodeID) int {
	point := binary.BigEndian.Uint64(id[:])
	at := sort.Search(len(v.Spots), func(i int) bool { return v.Spots[i].Point >= point })
	for at < len(v.Members) && bytes.Compare(v.Members[at].ID[:], id[:]) < 0 {
		at++ // begins like it
	}
	return at
}

// ViewChanged tells that the view has changed. An event of the membership,
// once per Config.ViewInterval at most, and once a minute at least, for those
// that have restarted: the same View again then.
type ViewChanged struct{ View *View }

// PeersFound tells of nodes that discovery met: candidates to join. An event.
type PeersFound struct{ IDs []NodeID }

// ReachFound tells whether others can connect to this node, as far as they say.
// An event.
type ReachFound struct{ Undialable bool }

// ListMembers asks for the view. Reply: [MembersListed].
type ListMembers struct{ Call }

// MembersListed replies to [ListMembers].
type MembersListed struct {
	Answer
	View *View
}

// LeaveNetwork says goodbye to the network, so that nobody waits for this
// node before repairing. Reply: [NetworkLeft], after some members were told.
type LeaveNetwork struct{ Call }

// NetworkLeft replies to [LeaveNetwork].
type NetworkLeft struct{ Answer }
