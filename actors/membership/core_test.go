package membership

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

func testID(i int) messages.NodeID { return sha256.Sum256(fmt.Appendf(nil, "node %d", i)) }

func newTestCore(change func(*Config)) *core {
	cfg := Defaults()
	if change != nil {
		change(&cfg)
	}
	return newCore(cfg, testID(0), time.UnixMilli(1e12), rand.New(rand.NewPCG(1, 1)))
}

func said(i int, incarnation uint64, status messages.MemberStatus) *wire.MemberClaim {
	return &wire.MemberClaim{Accuser: testID(99), Member: messages.Member{
		ID: testID(i), Incarnation: incarnation, Status: status, CapacityBlocks: 5,
	}}
}

// TestBelief: what is believed of a member that was said to be one thing, and
// then another.
func TestBelief(t *testing.T) {
	const alive, suspect, dead, left = messages.MemberAlive, messages.MemberSuspect,
		messages.MemberDead, messages.MemberLeft
	for _, test := range []struct {
		was, said, want messages.MemberStatus
		incarnation     uint64 // said; 10 was before
		raised, doubted bool
	}{
		{alive, alive, alive, 9, false, false},
		{alive, alive, alive, 10, false, false},
		{alive, alive, alive, 11, true, false},
		{alive, suspect, alive, 9, false, false},
		{alive, suspect, suspect, 10, false, false},
		{alive, suspect, suspect, 11, true, false},
		{alive, dead, alive, 9, false, false},
		{alive, dead, alive, 10, false, true},
		{alive, dead, alive, 11, false, true},
		{alive, left, left, 10, false, false},
		{suspect, alive, suspect, 10, false, false},
		{suspect, alive, alive, 11, true, false},
		{suspect, dead, suspect, 10, false, false},
		{suspect, left, left, 10, false, false},
		{dead, alive, dead, 9, false, false},
		{dead, alive, dead, 10, false, true},
		{dead, alive, alive, 11, true, false},
		{dead, suspect, dead, 10, false, false},
		{dead, suspect, suspect, 11, true, false},
		{dead, dead, dead, 11, true, false},
		{left, alive, left, 10, false, false},
		{left, suspect, left, 10, false, false},
		{left, alive, alive, 11, true, false},
	} {
		name := fmt.Sprintf("%vHears%v%d", test.was, test.said, test.incarnation)
		t.Run(name, func(t *testing.T) {
			c := newTestCore(nil)
			c.hear(said(1, 10, alive), asNews)
			m := c.find(testID(1))
			switch test.was {
			case suspect:
				c.suspect(m, testID(2))
			case dead:
				c.suspect(m, testID(2))
				c.now = time.Hour
				c.bury()
			case left:
				c.hear(said(1, 10, left), asNews)
			case alive:
			}
			if m.record.Status != test.was {
				t.Fatalf("the test begins with %v", m.record.Status)
			}
			c.hear(said(1, test.incarnation, test.said), asNews)
			if got := m.record.Status; got != test.want {
				t.Errorf("is %v, want %v", got, test.want)
			}
			if raised := m.record.Incarnation == 11; raised != test.raised {
				t.Errorf("incarnation %d", m.record.Incarnation)
			}
			if m.doubted != test.doubted {
				t.Errorf("doubted: %v, want %v", m.doubted, test.doubted)
			}
			c.check(t)
		})
	}
}

// check compares the books of the core with what they are about.
func (c *core) check(t *testing.T) {
	t.Helper()
	here, suspects, missing := 0, 0, 0
	for i, m := range c.ring {
		if c.known[i] != inShort(m) || c.find(m.id()) != m {
			t.Errorf("member %d is not what is noted", i)
		}
		switch {
		case m == c.self:
		case m.here():
			here++
		default:
			missing++
		}
		if m.record.Status == messages.MemberSuspect {
			suspects++
		}
		if (m.record.Status == messages.MemberSuspect) != (m.suspicion != nil) ||
			m.queued != slices.Contains(c.news, m) || m.doubted != slices.Contains(c.doubts, m) {
			t.Errorf("member %d is on the wrong lists", i)
		}
	}
	if here != c.here || suspects != len(c.suspects) || missing != len(c.missing) {
		t.Errorf("%d here, %d suspects, %d missing; counted %d, %d, %d",
			here, suspects, missing, c.here, len(c.suspects), len(c.missing))
	}
}

// TestBooksUnderNoise: whatever is said, in whatever order, the books are
// right and the bounds are kept.
func TestBooksUnderNoise(t *testing.T) {
	for seed := range uint64(10) {
		draw := rand.New(rand.NewPCG(seed, 2))
		c := newTestCore(func(cfg *Config) { cfg.MembersMax = 2*nearMax + 64 })
		for range 3000 {
			c.now += time.Duration(draw.IntN(int(3 * time.Second)))
			from := 1 + draw.IntN(400)
			claims := []wire.MemberClaim{*said(from, 10+uint64(draw.IntN(4)), messages.MemberAlive)}
			for range draw.IntN(5) {
				claims = append(claims, *said(draw.IntN(400), 10+uint64(draw.IntN(4)),
					messages.MemberStatus(1+draw.IntN(4))))
			}
			kind := wire.MemberKind(1 + draw.IntN(3))
			c.asked(c.now, testID(from), 1, wire.MemberRequest{
				Kind: kind, Claims: claims, Target: testID(draw.IntN(400)),
			})
			if draw.IntN(4) == 0 {
				c.tick(c.now)
			}
			for _, r := range c.take().requests {
				if draw.IntN(3) == 0 {
					c.answered(c.now, r.ticket, r.to, nil, time.Second)
					continue
				}
				body := &wire.MemberResponse{
					Claims: []wire.MemberClaim{*said(0, 10, messages.MemberAlive)},
				}
				body.Claims[0].Member.ID = r.to
				c.answered(c.now, r.ticket, r.to, body, 20*time.Millisecond)
			}
			if len(c.ring) > c.cfg.MembersMax || c.syncs > c.cfg.SyncsMax ||
				c.relays > c.cfg.RelaysMax {
				t.Fatalf("seed %d: %d members, %d syncs, %d relays",
					seed, len(c.ring), c.syncs, c.relays)
			}
		}
		c.check(t)
	}
}

// TestNobodySpeaksForUs: what others say of this node raises its incarnation,
// at most once above what they may say at all.
func TestNobodySpeaksForUs(t *testing.T) {
	c := newTestCore(nil)
	for _, claim := range []*wire.MemberClaim{
		said(0, c.born-1, messages.MemberDead),
		said(0, c.incarnationMax()+1, messages.MemberDead),
	} {
		c.hear(claim, asNews)
		if c.self.record.Incarnation != c.born {
			t.Fatal("it minds what cannot be true, or is long past")
		}
	}
	for i, status := range []messages.MemberStatus{
		messages.MemberAlive, messages.MemberSuspect, messages.MemberDead, messages.MemberLeft,
	} {
		c.hear(said(0, c.self.record.Incarnation, status), asNews)
		own := c.self.record
		if own.Incarnation != c.born+1+uint64(i) || own.Status != messages.MemberAlive ||
			own.CapacityBlocks != 0 {
			t.Errorf("said to be %v: %+v", status, own)
		}
	}
	c.check(t)
}

// TestSenderIsProved: a packet that begins with another's record is not heard.
func TestSenderIsProved(t *testing.T) {
	c := newTestCore(nil)
	c.asked(0, testID(1), 1, wire.MemberRequest{
		Kind: wire.MemberPing, Claims: []wire.MemberClaim{*said(2, 1, messages.MemberAlive)},
	})
	if out := c.take(); len(c.ring) != 1 || len(out.responses) != 0 {
		t.Error("it was heard, or answered")
	}
}

// TestPacketsInMax: more packets than that between two ticks are dropped.
func TestPacketsInMax(t *testing.T) {
	c := newTestCore(func(cfg *Config) { cfg.PacketsInMax = 3 })
	ping := wire.MemberRequest{
		Kind: wire.MemberPing, Claims: []wire.MemberClaim{*said(1, 1, messages.MemberAlive)},
	}
	for range 5 {
		c.asked(0, testID(1), 1, ping)
	}
	if n := len(c.take().responses); n != 3 {
		t.Errorf("%d answers, want 3", n)
	}
	c.tick(time.Second)
	c.take()
	c.asked(time.Second, testID(1), 1, ping)
	if n := len(c.take().responses); n != 1 {
		t.Errorf("%d answers after a tick, want 1", n)
	}
}

// TestWhoIsKept: in a network larger than MembersMax, the neighbours on the
// ring are known, and the rest is an even sample.
func TestWhoIsKept(t *testing.T) {
	const network, most = 4000, 2*nearMax + 200
	c := newTestCore(func(cfg *Config) { cfg.MembersMax = most })
	all := []messages.NodeID{testID(0)}
	for i := 1; i < network; i++ {
		c.hear(said(i, 1, messages.MemberAlive), asNews)
		all = append(all, testID(i))
	}
	c.check(t)
	slices.SortFunc(all, func(a, b messages.NodeID) int { return slices.Compare(a[:], b[:]) })
	own := slices.Index(all, testID(0))
	for i := -nearMax; i <= nearMax; i++ {
		if id := all[(own+i+network)%network]; c.find(id) == nil {
			t.Errorf("neighbour %d is not known", i)
		}
	}
	if len(c.ring) != most {
		t.Errorf("%d are known, want %d", len(c.ring), most)
	}
	var quarter [4]int
	for _, m := range c.ring {
		if place := slices.Index(all, m.id()); (place-own+network)%network > nearMax &&
			(own-place+network)%network > nearMax {
			quarter[m.id()[0]>>6]++
		}
	}
	for i, n := range quarter {
		if n < 25 || n > 80 { // about 50 each
			t.Errorf("quarter %d of the ring has %d of %v", i, n, quarter)
		}
	}
}

func TestSuspicionSpan(t *testing.T) {
	for _, test := range []struct {
		members int
		min     time.Duration
	}{{1, 20 * time.Second}, {10, 20 * time.Second}, {100, 40 * time.Second}, {1000, time.Minute}} {
		if got := suspicionMin(4, test.members, 5*time.Second); got != test.min {
			t.Errorf("%d members: %v, want %v", test.members, got, test.min)
		}
	}
	s := suspicion{min: 10 * time.Second, max: 60 * time.Second, needed: 3}
	// 60 - 50*log(n)/log(4), where n-1 others confirm the first accuser.
	for i, want := range []time.Duration{60, 35, 20, 10, 10} {
		s.accusers = make([]messages.NodeID, i+1)
		if got := s.span().Round(time.Second); got != want*time.Second {
			t.Errorf("%d accusers: %v, want %d s", i+1, got, want)
		}
	}
	for members, want := range map[int]uint8{1: 4, 9: 4, 10: 8, 99: 8, 100: 12, 1000: 16} {
		if got := retransmits(4, members); got != want {
			t.Errorf("%d members: %d retransmits, want %d", members, got, want)
		}
	}
}

func TestUptime(t *testing.T) {
	const day, half = 24 * time.Hour, 7 * 24 * time.Hour
	u := newUptime(0)
	for _, step := range []struct {
		until time.Duration
		up    bool
		want  uint8
	}{
		{time.Hour, true, 2},
		{8 * day, true, 3},
		{8*day + time.Hour, false, 3},
		{11 * day, false, 1},
		{16 * day, false, 0},
		{60 * day, true, 3},
	} {
		u.account(step.until, half, step.up)
		if u.class != step.want {
			t.Errorf("after %v: class %d (share %.2f), want %d",
				step.until, u.class, u.share, step.want)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"ProbeTimeout":     func(c *Config) { c.ProbeTimeout = c.ProbeInterval/3 + 1 },
		"NoTimeout":        func(c *Config) { c.ProbeTimeout = 0 },
		"UpdatesPerPacket": func(c *Config) { c.UpdatesPerPacket = wire.MemberNewsMax },
		"SyncPageMembers":  func(c *Config) { c.SyncPageMembers = wire.MemberClaimsMax },
		"SyncInterval":     func(c *Config) { c.SyncInterval = c.SyncFirst - 1 },
		"MembersMax":       func(c *Config) { c.MembersMax = 2 * nearMax },
		"Domain":           func(c *Config) { c.Domain = string(make([]byte, messages.DomainMax+1)) },
		"UptimeHalfLife":   func(c *Config) { c.UptimeHalfLife = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Defaults()
			change(&cfg)
			if cfg.Validate() == nil {
				t.Fatal("accepted")
			}
		})
	}
}
