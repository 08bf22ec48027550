package store

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

func verifyConfig() Config {
	return Config{VerifyBatches: 3, VerifyBatchBlocks: 4, VerifyRefs: 5}
}

// museum is what a verifier looks at. Answers come in drawn order.
type museum struct {
	t      *rapid.T
	blocks []messages.Block // ascending by CID
	unread map[messages.CID]error
	refs   []messages.NeededRef
	badRef map[int]*messages.Error // place in refs → why it does not open
	flaky  map[int]bool            // restarted once, opens then
	broken int                     // trees that the walk cannot read
	failAt int                     // fail this command to the drive; 0: none

	asks, next int
	walking    bool
	result     messages.Reply
	err        *messages.Error
}

type waiting struct {
	e   effect
	tag any
}

func (m *museum) run(v *verifier) {
	var under []waiting
	take := func(effects []effect) {
		for _, e := range effects {
			if m.result != nil || m.err != nil {
				m.t.Fatalf("%T after the end", e)
			}
			switch e := e.(type) {
			case finish:
				if m.err = e.err; e.err == nil {
					m.result = e.reply(messages.Answer{})
				}
				if len(under) > 0 {
					m.t.Fatalf("the end with %d requests under way", len(under))
				}
			case ask:
				under = append(under, waiting{e, e.tag})
			case get:
				under = append(under, waiting{e, e.tag})
			case work:
				under = append(under, waiting{e, e.tag})
			default:
				under = append(under, waiting{e, nil})
			}
		}
		m.count(under)
	}
	take(v.step(nil, nil))
	for steps := 0; len(under) > 0; steps++ {
		if steps > 10_000 {
			m.t.Fatalf("the verification does not end")
		}
		i := rapid.IntRange(0, len(under)-1).Draw(m.t, "answered")
		w := under[i]
		under = append(under[:i:i], under[i+1:]...)
		take(v.step(m.answer(w.e), w.tag))
	}
	if m.result == nil && m.err == nil {
		m.t.Fatalf("the verification stopped without an answer")
	}
	if m.walking {
		m.t.Fatalf("the walk was not ended")
	}
}

// count holds what is under way against the bounds.
func (m *museum) count(under []waiting) {
	batches, opens := 0, 0
	for _, w := range under {
		switch e := w.e.(type) {
		case get, work:
			batches++
		case ask:
			if e.to == "reader" {
				opens++
			}
		}
	}
	if cfg := verifyConfig(); batches > cfg.VerifyBatches || opens > cfg.VerifyRefs {
		m.t.Fatalf("%d batches and %d refs under way", batches, opens)
	}
}

func (m *museum) answer(e effect) any {
	switch e := e.(type) {
	case look:
		return messages.BlocksUsage{Blocks: int64(len(m.blocks))}
	case list:
		return m.list(e)
	case get:
		return m.get(e)
	case work:
		return messages.WorkDone{Result: e.run()}
	case ask:
		return m.reply(e.command(messages.Call{}))
	}
	m.t.Fatalf("unexpected effect %T", e)
	return nil
}

func (m *museum) list(e list) messages.BlocksListed {
	var page messages.BlocksListed
	for _, b := range m.blocks {
		if b.CID.Compare(e.after) <= 0 {
			continue
		}
		if len(page.CIDs) == 7 {
			page.More = true
			break
		}
		page.CIDs = append(page.CIDs, b.CID)
	}
	return page
}

func (m *museum) get(e get) messages.BlocksGot {
	got := messages.BlocksGot{
		Blocks: make([]messages.Block, len(e.cids)), Errs: make([]error, len(e.cids)),
	}
	for i, cid := range e.cids {
		for _, b := range m.blocks {
			if b.CID == cid {
				got.Blocks[i], got.Errs[i] = b, m.unread[cid]
			}
		}
	}
	return got
}

func (m *museum) reply(command messages.Command) any {
	switch c := command.(type) {
	case messages.UnsealBlock:
		return m.unseal(c)
	case messages.BeginWalk, messages.ContinueWalk, messages.EndWalk:
		if m.asks++; m.asks == m.failAt {
			m.walking = false
			return messages.Failed{Err: messages.Errorf(messages.CodeRestarted, "pretended")}
		}
	}
	switch command.(type) {
	case messages.BeginWalk:
		m.walking = true
		return messages.WalkBegun{Walk: 9}
	case messages.EndWalk:
		m.walking = false
		return messages.WalkEnded{}
	case messages.ContinueWalk:
		n := min(6, len(m.refs)-m.next)
		batch := messages.WalkContinued{Refs: m.refs[m.next : m.next+n]}
		m.next += n
		if batch.Done = m.next == len(m.refs); batch.Done {
			for range m.broken {
				batch.Broken = append(batch.Broken, messages.Problem{Reason: "pretended"})
			}
		}
		return batch
	}
	m.t.Fatalf("unexpected command %T", command)
	return nil
}

// unseal tells refs apart by their length.
func (m *museum) unseal(c messages.UnsealBlock) any {
	i := int(c.Ref.Length)
	switch {
	case m.flaky[i]:
		delete(m.flaky, i)
		return messages.Failed{Err: messages.Errorf(messages.CodeRestarted, "pretended")}
	case m.badRef[i] != nil:
		return messages.Failed{Err: m.badRef[i]}
	}
	return messages.BlockUnsealed{}
}

func TestVerifierFindsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &museum{
			t: t, unread: map[messages.CID]error{},
			badRef: map[int]*messages.Error{}, flaky: map[int]bool{},
		}
		want := int64(0)
		for i := range rapid.IntRange(0, 30).Draw(t, "blocks") {
			data := []byte(fmt.Sprintf("block %d", i))
			b := messages.Block{CID: format.Name(data), Data: data}
			switch rapid.IntRange(0, 5).Draw(t, "state") {
			case 0:
				m.unread[b.CID] = port.ErrBlockCorrupt
				want++
			case 1:
				b.Data = []byte("other bytes")
				want++
			}
			m.blocks = append(m.blocks, b)
		}
		sortBlocks(m.blocks)
		for i := range rapid.IntRange(0, 30).Draw(t, "refs") {
			m.refs = append(m.refs, messages.NeededRef{Ref: messages.BlockRef{Length: uint32(i)}})
			switch rapid.IntRange(0, 5).Draw(t, "state") {
			case 0:
				m.badRef[i] = messages.Errorf(messages.CodeNotFound, "pretended")
				want++
			case 1:
				m.flaky[i] = true
			}
		}
		m.broken = rapid.IntRange(0, 2).Draw(t, "broken")
		want += int64(m.broken)
		m.run(newVerifier(verifyConfig()))
		if m.err != nil {
			t.Fatalf("failed: %v", m.err)
		}
		got := m.result.(messages.StoreVerified)
		if got.Blocks != int64(len(m.blocks)) || got.Refs != int64(len(m.refs)) ||
			got.Count != want || int64(len(got.Problems)) != want {
			t.Fatalf("got %d blocks, %d refs, %d problems; want %d, %d, %d",
				got.Blocks, got.Refs, got.Count, len(m.blocks), len(m.refs), want)
		}
	})
}

func sortBlocks(blocks []messages.Block) {
	for i := range blocks {
		for j := i; j > 0 && blocks[j].CID.Compare(blocks[j-1].CID) < 0; j-- {
			blocks[j], blocks[j-1] = blocks[j-1], blocks[j]
		}
	}
}

func TestVerifierFailsWithTheDrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &museum{t: t, failAt: rapid.IntRange(1, 6).Draw(t, "failAt")}
		for i := range 20 {
			m.refs = append(m.refs, messages.NeededRef{Ref: messages.BlockRef{Length: uint32(i)}})
		}
		m.run(newVerifier(verifyConfig()))
		// 1 begins the walk, 2..5 continue it, 6 ends it, which may fail.
		if failed := m.err != nil; failed != (m.failAt < 6) {
			t.Fatalf("failing the drive's command %d: got %v", m.failAt, m.err)
		}
	})
}

// TestVerifierFailsWithItsWork: a panic while hashing is a failure, not a
// clean report.
func TestVerifierFailsWithItsWork(t *testing.T) {
	v := newVerifier(verifyConfig())
	cids := []messages.CID{testCID(1)}
	v.step(messages.BlocksListed{CIDs: cids}, nil)
	v.step(messages.BlocksGot{Blocks: make([]messages.Block, 1)}, batchTag{cids})
	effects := v.step(messages.WorkDone{Err: port.ErrDiskIO}, batchTag{cids})
	if done, ok := effects[0].(finish); !ok || done.err == nil ||
		done.err.Code != messages.CodeInternal {
		t.Fatalf("got %v, want a failure", effects)
	}
}

func TestVerifierBoundsTheList(t *testing.T) {
	v := newVerifier(verifyConfig())
	for range 3 * messages.ProblemsMax {
		v.problem(testCID(1), "pretended")
	}
	if n, count := len(v.result.Problems), v.result.Count; n != messages.ProblemsMax ||
		count != 3*messages.ProblemsMax {
		t.Fatalf("%d of %d problems listed", n, count)
	}
}

func TestMisnamed(t *testing.T) {
	good := []byte("good")
	wrong := misnamed([]messages.Block{
		{CID: format.Name(good), Data: good},
		{CID: testCID(1), Data: []byte(strings.Repeat("x", 10))},
	})
	if len(wrong) != 1 || wrong[0] != testCID(1) {
		t.Fatalf("got %d wrong blocks, want the second", len(wrong))
	}
}
