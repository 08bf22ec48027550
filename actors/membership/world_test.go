package membership_test

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/membership"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// agree reports whether every running house sees exactly the running ones,
// all alive.
func (w *town) agree() bool {
	running := 0
	for _, h := range w.houses {
		if h.life != 0 {
			running++
		}
	}
	for _, h := range w.houses {
		if h.life == 0 {
			continue
		}
		if h.view == nil || len(h.view.Members) != running {
			return false
		}
		for _, m := range h.view.Members {
			if m.Status != messages.MemberAlive || w.byID[m.ID].life == 0 {
				return false
			}
		}
	}
	return true
}

// status is what a house believes of another as its siblings are told: 0 when
// it is not there.
func status(h, of *house) messages.MemberStatus {
	if h.view == nil {
		return 0
	}
	if m := h.view.Find(of.id); m != nil {
		return m.Status
	}
	return 0
}

// everybody reports whether all running houses believe that of one.
func (w *town) everybody(of *house, want messages.MemberStatus) bool {
	for _, h := range w.houses {
		if h != of && h.life != 0 && status(h, of) != want {
			return false
		}
	}
	return true
}

// joined starts a town and waits until everybody knows everybody.
func joined(t testing.TB, seed uint64, n int, cfg membership.Config) *town {
	t.Helper()
	w := newTown(t, seed, n, cfg).seeded(3)
	w.onAll()
	took := w.runUntil(2*time.Minute, "everybody knows everybody", w.agree)
	t.Logf("%d nodes joined within %v, %d packets, %d bytes", n, took, w.packets, w.bytes)
	return w
}

func TestJoin(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 100, 300} {
		w := joined(t, uint64(n), n, membership.Defaults())
		for _, h := range w.houses {
			view := h.view
			if view.Self != h.id || !slices.IsSortedFunc(view.Members, func(a, b *messages.Member) int {
				return bytes.Compare(a.ID[:], b.ID[:])
			}) {
				t.Fatalf("of %d: a view that is not in order", n)
			}
			if m := view.Members[0]; m.CapacityBlocks != 1000 {
				t.Fatalf("of %d: a member with %d blocks", n, m.CapacityBlocks)
			}
		}
	}
}

// TestJoinWithoutSeeds: discovery is enough, and one meeting each.
func TestJoinWithoutSeeds(t *testing.T) {
	w := newTown(t, 1, 30, membership.Defaults())
	w.onAll()
	for i, h := range w.houses {
		met := messages.PeersFound{IDs: []messages.NodeID{{}, h.id, w.houses[(i+1)%30].id}}
		h.deliver(h.life, met)
	}
	w.runUntil(2*time.Minute, "everybody knows everybody", w.agree)
}

// TestSeedsComeLater: who is alone keeps asking.
func TestSeedsComeLater(t *testing.T) {
	w := newTown(t, 1, 10, membership.Defaults()).seeded(1)
	for _, h := range w.houses[1:] {
		h.on()
	}
	w.run(10 * time.Minute)
	w.houses[0].on()
	w.runUntil(2*time.Minute, "everybody knows everybody", w.agree)
}

// TestCrash: a member that is gone is suspected, then dead everywhere, and
// comes back with all it had to say.
func TestCrash(t *testing.T) {
	w := joined(t, 2, 50, membership.Defaults())
	gone := w.houses[17]
	suspected := false
	w.onView = func(h *house, view *messages.View) {
		suspected = suspected || status(h, gone) == messages.MemberSuspect
		for _, m := range view.Members {
			if m.ID != gone.id && m.Status != messages.MemberAlive {
				t.Errorf("%v suspects %v", h.index, w.byID[m.ID].index)
			}
		}
	}
	gone.off()
	// Found within some intervals; then SuspicionMult*log10(50)*5 s = 34 s.
	took := w.runUntil(2*time.Minute, "it is dead everywhere",
		func() bool { return w.everybody(gone, 0) })
	t.Logf("dead everywhere after %v", took)
	if !suspected || took < 30*time.Second {
		t.Errorf("dead after %v, suspected before: %v", took, suspected)
	}
	w.run(5 * time.Minute)
	if !w.agree() {
		t.Error("gossip brought it back")
	}
	gone.cfg.Domain = "attic"
	gone.on()
	w.runUntil(time.Minute, "it is back", w.agree)
	w.runUntil(time.Minute, "its domain is known", func() bool {
		return !slices.ContainsFunc(w.houses, func(h *house) bool {
			return h.view.Find(gone.id).Domain != "attic"
		})
	})
}

// TestRestart: an actor that restarts at once is never missed.
func TestRestart(t *testing.T) {
	w := joined(t, 3, 30, membership.Defaults())
	for _, h := range w.houses[5:8] {
		h.off()
		h.on()
	}
	w.onView = func(h *house, view *messages.View) {
		if h.index < 5 && len(view.Members) != 30 {
			t.Errorf("a view of %d", len(view.Members))
		}
	}
	w.runUntil(time.Minute, "everybody knows everybody", w.agree)
	w.run(5 * time.Minute)
	if !w.agree() {
		t.Error("it did not last")
	}
}

// TestSlowMemberRefutes: one that answers too late for a while is suspected,
// refutes when it hears of it, and is not given up.
func TestSlowMemberRefutes(t *testing.T) {
	w := joined(t, 4, 40, membership.Defaults())
	late := w.houses[11]
	begin, suspected := w.now, false
	w.slow = func(h *house) time.Duration {
		if h == late && w.now < begin+40*time.Second {
			return 4 * time.Second
		}
		return 0
	}
	w.onView = func(h *house, view *messages.View) {
		suspected = suspected || status(h, late) == messages.MemberSuspect
		if h != late && status(h, late) == 0 {
			t.Errorf("%d gave it up", h.index)
		}
	}
	w.run(40 * time.Second)
	w.runUntil(2*time.Minute, "all are alive", w.agree)
	if !suspected {
		t.Error("it was never suspected: the test shows nothing")
	}
}

// TestLoss: where packets get lost nobody is given up.
func TestLoss(t *testing.T) {
	for seed := range uint64(3) {
		w := joined(t, seed, 50, membership.Defaults())
		w.loss = 0.05
		w.onView = func(h *house, view *messages.View) {
			if len(view.Members) != 50 {
				t.Errorf("seed %d: %d gave somebody up", seed, h.index)
			}
		}
		w.run(30 * time.Minute)
	}
}

// TestPartition: two halves declare each other dead, and find each other
// again without seeds.
func TestPartition(t *testing.T) {
	w := newTown(t, 5, 60, membership.Defaults())
	w.onAll()
	for _, h := range w.houses[1:] {
		h.deliver(h.life, messages.PeersFound{IDs: []messages.NodeID{w.houses[0].id}})
	}
	w.runUntil(2*time.Minute, "everybody knows everybody", w.agree)
	w.cut = func(from, to *house) bool { return (from.index < 25) != (to.index < 25) }
	took := w.runUntil(20*time.Minute, "the halves gave each other up", func() bool {
		for _, h := range w.houses {
			if want := 25 + 10*min(1, h.index/25); len(h.view.Members) != want {
				return false
			}
		}
		return true
	})
	t.Logf("parted after %v", took)
	w.run(10 * time.Minute)
	w.cut = nil
	took = w.runUntil(5*time.Minute, "the halves have merged", w.agree)
	t.Logf("merged after %v", took)
	w.run(5 * time.Minute)
	if !w.agree() {
		t.Error("it did not last")
	}
}

// TestIsolation: one that heard nobody for long finds the others again.
func TestIsolation(t *testing.T) {
	w := joined(t, 6, 20, membership.Defaults())
	alone := w.houses[9]
	alone.cfg.Seeds = nil
	w.cut = func(from, to *house) bool { return from == alone || to == alone }
	w.runUntil(time.Hour, "it gave everybody up", func() bool { return len(alone.view.Members) == 1 })
	w.cut = nil
	took := w.runUntil(5*time.Minute, "it is back", w.agree)
	t.Logf("back after %v", took)
}

// TestLeave: a leave is known everywhere, and nobody is suspected for it.
func TestLeave(t *testing.T) {
	w := joined(t, 7, 40, membership.Defaults())
	left := w.houses[20]
	w.onView = func(h *house, view *messages.View) {
		for _, m := range view.Members {
			if m.Status != messages.MemberAlive {
				t.Errorf("%d suspects somebody", h.index)
			}
		}
	}
	reply := left.ask(func(call messages.Call) messages.Command {
		return messages.LeaveNetwork{Call: call}
	})
	w.runUntil(5*time.Second, "it has left", func() bool { return reply() != nil })
	if _, ok := reply().(messages.NetworkLeft); !ok {
		t.Fatalf("got %T", reply())
	}
	left.off()
	took := w.runUntil(time.Minute, "everybody knows", w.agree)
	t.Logf("known everywhere after %v", took)
	w.run(10 * time.Minute)
	if !w.agree() {
		t.Error("gossip brought it back")
	}
	left.on()
	w.runUntil(time.Minute, "it is back", w.agree)
}

// TestViewsAreFewAndShared: a quiet network tells its view at times, for those
// that restarted, and what did not change is the same record.
func TestViewsAreFewAndShared(t *testing.T) {
	w := joined(t, 10, 30, membership.Defaults())
	w.run(5 * time.Minute)
	h, views, last := w.houses[0], 0, w.houses[0].view
	w.onView = func(of *house, view *messages.View) {
		if of != h {
			return
		}
		views++
		for i, m := range view.Members {
			if old := last.Members[i]; m != old && *m == *old {
				t.Errorf("member %d is a copy of what it was", i)
			}
		}
		if view.Placement != last.Placement || view.Version < last.Version {
			t.Errorf("version %d to %d, placement %d to %d",
				last.Version, view.Version, last.Placement, view.Placement)
		}
		last = view
	}
	w.run(10 * time.Minute)
	if views < 10 || views > 20 {
		t.Errorf("%d views in 10 minutes, want one or two a minute", views)
	}
}

// TestLeaveAlone: there is nobody to tell.
func TestLeaveAlone(t *testing.T) {
	w := newTown(t, 1, 1, membership.Defaults())
	w.onAll()
	reply := w.houses[0].ask(func(call messages.Call) messages.Command {
		return messages.LeaveNetwork{Call: call}
	})
	if _, ok := reply().(messages.NetworkLeft); !ok {
		t.Fatalf("got %T", reply())
	}
}

// TestLiar: one that says of another what is not so, over and over, does not
// get it declared dead, nor its record changed for long.
func TestLiar(t *testing.T) {
	for name, status := range map[string]messages.MemberStatus{
		"Suspect": messages.MemberSuspect, "Dead": messages.MemberDead,
		"Changed": messages.MemberAlive,
	} {
		t.Run(name, func(t *testing.T) {
			w := joined(t, 8, 30, membership.Defaults())
			liar, victim := w.houses[3], w.houses[4]
			w.onView = func(h *house, view *messages.View) {
				if view.Find(victim.id) == nil {
					t.Errorf("%d believes that it is not there", h.index)
				}
			}
			net := &lifeNet{liar, liar.life}
			lie := func() {
				known := *liar.view.Find(victim.id)
				known.Status, known.CapacityBlocks = status, 7
				known.Incarnation += 3
				liar.tell(net, []wire.MemberClaim{{Member: known, Accuser: liar.id}})
			}
			for range 60 {
				w.at(0, lie)
				w.run(5 * time.Second)
			}
			w.runUntil(2*time.Minute, "the truth is out", func() bool {
				for _, h := range w.houses {
					if m := h.view.Find(victim.id); m == nil ||
						m.Status != messages.MemberAlive || m.CapacityBlocks != 1000 {
						return false
					}
				}
				return true
			})
		})
	}
}

// tell sends claims to some others, outside of what the actor does.
func (h *house) tell(net *lifeNet, claims []wire.MemberClaim) {
	own := *h.view.Find(h.id)
	own.Incarnation, own.UptimeClass = 1, 0
	request := wire.MemberRequest{Kind: wire.MemberPing, Claims: append(
		[]wire.MemberClaim{{Member: own}}, claims...)}
	head := request.Append(nil)
	for range 5 {
		to := h.town.houses[h.town.draw.IntN(len(h.town.houses))]
		if to == h {
			continue
		}
		h.town.carry(h, to, messages.Packet{Head: head}, func() {
			to.deliver(to.life, messages.PacketReceived{
				From: net.h.id, Protocol: messages.ProtocolMember,
				Packet: messages.Packet{Head: head},
			})
		})
	}
}

// TestCoordinates: what the views say of where the members are predicts the
// round trips between them.
func TestCoordinates(t *testing.T) {
	w := joined(t, 9, 100, membership.Defaults())
	w.run(10 * time.Minute)
	var wrong []float64
	for _, h := range w.houses {
		own := h.view.Find(h.id).Coordinate
		for _, m := range h.view.Members {
			if m.ID == h.id {
				continue
			}
			c, sum := m.Coordinate, 0.0
			for i := range c.Vec {
				sum += math.Pow(float64(c.Vec[i]-own.Vec[i]), 2)
			}
			predicted := math.Sqrt(sum) + float64(c.Height+own.Height+c.Adjustment+own.Adjustment)
			real := w.trip(h, w.byID[m.ID]).Seconds()
			wrong = append(wrong, math.Abs(predicted-real)/real)
		}
	}
	slices.Sort(wrong)
	median := wrong[len(wrong)/2]
	t.Logf("median relative error %.3f", median)
	if median > 0.35 {
		t.Errorf("median relative error %.3f, want below 0.35", median)
	}
}

// TestReachIsTold: everybody learns who cannot be connected to, and that it can
// be again.
func TestReachIsTold(t *testing.T) {
	w := joined(t, 1, 10, membership.Defaults())
	told := w.houses[3]
	for _, undialable := range []bool{true, false} {
		told.deliver(told.life, messages.ReachFound{Undialable: undialable})
		w.runUntil(2*time.Minute, "everybody knows", func() bool {
			return !slices.ContainsFunc(w.houses, func(h *house) bool {
				m := h.view.Find(told.id)
				return m == nil || m.Undialable != undialable
			})
		})
	}
}
