package cache_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
)

// forget makes the pretended fetcher send an event to the cache.
type forget struct {
	messages.Call
	event messages.ForgetBlocks
}

type forgot struct{ messages.Answer }

// fetcher is the pretended fetcher.
func (l *larder) fetcher(ctx shell.Ctx, msg any) {
	if forget, ok := msg.(forget); ok {
		ctx.Tell(l.cache, forget.event)
		ctx.Reply(ctx.Caller(), forgot{ctx.Caller().Answer()})
		return
	}
	m := msg.(messages.FetchBlocks)
	l.fetches = append(l.fetches, m)
	if l.unfetched != nil {
		ctx.Fail(ctx.Caller(), l.unfetched)
		return
	}
	fetched := messages.BlocksFetched{Answer: ctx.Caller().Answer()}
	for i, cid := range m.CIDs {
		data := l.elsewhere[cid]
		fetched.Blocks = append(fetched.Blocks, messages.Block{CID: cid, Data: data})
		if data == nil {
			if fetched.Errs == nil {
				fetched.Errs = make([]*messages.Error, len(m.CIDs))
			}
			fetched.Errs[i] = messages.Errorf(messages.CodeUnavailable, "pretended")
		}
	}
	ctx.Reply(ctx.Caller(), fetched)
}

// move takes blocks out of the pretended store and puts them elsewhere; those
// of lost are nowhere then.
func (l *larder) move(cids, lost []messages.CID) {
	for _, cid := range cids {
		l.elsewhere[cid] = l.blocks[cid]
	}
	for _, cid := range slices.Concat(cids, lost) {
		l.blocks[cid] = nil
	}
}

// checkAnywhere compares a reply with what is stored or elsewhere.
func (l *larder) checkAnywhere(reply messages.Reply, cids []messages.CID) {
	l.t.Helper()
	stored := l.blocks
	defer func() { l.blocks = stored }()
	l.blocks = map[messages.CID][]byte{}
	for _, cid := range cids {
		if l.blocks[cid] = stored[cid]; stored[cid] == nil {
			l.blocks[cid] = l.elsewhere[cid]
		}
	}
	l.check(reply, cids)
}

func networkConfig() cache.Config {
	cfg := testConfig()
	cfg.Network, cfg.KeepFetched = true, true
	return cfg
}

func readUrgently(checked bool, urgency messages.Urgency, cids ...messages.CID) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.ReadBlocks{Call: call, CIDs: cids, Checked: checked, Urgency: urgency}
	}
}

// What is not stored is fetched, once, kept in memory and offered to the
// store.
func TestFetchesWhatIsNotStored(t *testing.T) {
	l := newLarder(t, networkConfig(), 1)
	cids := l.add(5)
	l.move(cids[2:], nil)
	l.checkAnywhere(l.client.Ask(cache.Role, readUrgently(false, messages.UrgencySoon, cids...)), cids)
	if len(l.fetches) != 1 || !slices.Equal(l.fetches[0].CIDs, cids[2:]) ||
		l.fetches[0].Urgency != messages.UrgencySoon {
		t.Fatalf("the fetches are %v", l.fetches)
	}
	l.settle()
	if !slices.Equal(l.keepOffers, cids[2:]) {
		t.Errorf("%d blocks were offered to the store, want 3", len(l.keepOffers))
	}
	l.checkAnywhere(l.client.Ask(cache.Role, read(cids...)), cids)
	if stat := l.stat(); len(l.fetches) != 1 || stat.NetworkHits != 3 || stat.Misses != 3 ||
		stat.DiskHits != 2 || stat.MemoryHits != 5 {
		t.Errorf("after %d fetches the counters are %+v", len(l.fetches), stat)
	}
}

func TestFetchFails(t *testing.T) {
	l := newLarder(t, networkConfig(), 1)
	cids := l.add(2)
	l.move(nil, cids[:1])
	l.client.Failure(cache.Role, messages.CodeUnavailable, read(cids...))
	for _, code := range []messages.Code{messages.CodeOverload, messages.CodeRestarted} {
		l.unfetched = messages.Errorf(code, "pretended")
		l.client.Failure(cache.Role, code, read(cids...))
	}
	l.unfetched = nil
	l.move(cids[:1], nil)
	l.client.Failure(cache.Role, messages.CodeUnavailable, read(cids...))
	l.settle()
	if len(l.keepOffers) != 0 {
		t.Error("a block that did not come was offered to the store")
	}
}

// What is to be part of a tuple is not fetched, also when somebody else has
// it fetched at that time; and who waits for the same block is.
func TestCheckedReadsAreNotFetched(t *testing.T) {
	l := newLarder(t, networkConfig(), 1)
	cids := l.add(2)
	l.move(cids, nil)
	l.client.Failure(cache.Role, messages.CodeNotFound,
		readUrgently(true, messages.UrgencyNow, cids[0]))
	if len(l.fetches) != 0 {
		t.Fatal("a checked read was fetched")
	}
	l.hold = true
	checked := l.client.Start(cache.Role, readUrgently(true, messages.UrgencyNow, cids...))
	other := l.client.Start(cache.Role, readUrgently(false, messages.UrgencyLater, cids[1]))
	l.settle()
	l.release()
	failed, ok := checked.Wait().(messages.Failed)
	if !ok || failed.Err.Code != messages.CodeNotFound {
		t.Error("a checked read did not fail")
	}
	l.checkAnywhere(other.Wait(), cids[1:])
	if len(l.fetches) != 1 || l.fetches[0].Urgency != messages.UrgencyLater {
		t.Errorf("the fetches are %v", l.fetches)
	}
}

// A block that is forgotten on its way is handed on, and kept nowhere.
func TestForgottenWhileFetched(t *testing.T) {
	l := newLarder(t, networkConfig(), 1)
	cids := l.add(1)
	l.move(cids, nil)
	l.hold = true
	pending := l.client.Start(cache.Role, read(cids...))
	l.settle()
	l.client.Must("fetcher", func(call messages.Call) messages.Command {
		return forget{call, messages.ForgetBlocks{CIDs: cids}}
	})
	l.release()
	l.checkAnywhere(pending.Wait(), cids)
	l.settle()
	if stat := l.stat(); stat.MemoryBlocks != 0 || len(l.keepOffers) != 0 {
		t.Errorf("it was kept: %+v, %d offers", stat, len(l.keepOffers))
	}
}

// Random reads of blocks that are here, elsewhere or nowhere get what there
// is, one reply each.
func TestReadsFromAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLarder(t, networkConfig(), rapid.Uint64().Draw(t, "seed"))
		cids := l.add(30)
		l.move(cids[10:20], cids[20:22])
		l.hold = rapid.Bool().Draw(t, "hold")
		type asked struct {
			pending *sim.Pending
			cids    []messages.CID
			checked bool
		}
		var all []asked
		for range rapid.IntRange(1, 8).Draw(t, "asks") {
			at := rapid.IntRange(0, len(cids)-1).Draw(t, "at")
			a := asked{
				cids:    cids[at:min(len(cids), at+rapid.IntRange(1, 8).Draw(t, "n"))],
				checked: rapid.Bool().Draw(t, "checked"),
			}
			a.pending = l.client.Start(cache.Role, readUrgently(a.checked, messages.UrgencyNow, a.cids...))
			all = append(all, a)
			if rapid.Bool().Draw(t, "settle") {
				l.settle()
			}
		}
		l.release()
		for _, a := range all {
			reply := a.pending.Wait()
			failed, isFailure := reply.(messages.Failed)
			nowhere := slices.ContainsFunc(a.cids, func(cid messages.CID) bool {
				return l.blocks[cid] == nil && l.elsewhere[cid] == nil
			})
			notHere := slices.ContainsFunc(a.cids, func(cid messages.CID) bool {
				return l.blocks[cid] == nil
			})
			switch {
			case !isFailure:
				l.checkAnywhere(reply, a.cids)
				if nowhere {
					t.Fatal("a block was had that is nowhere")
				}
			case failed.Err.Code == messages.CodeNotFound && notHere && a.checked:
			case failed.Err.Code == messages.CodeUnavailable && nowhere && !a.checked:
			default:
				t.Fatalf("failed with %v; a block is nowhere: %v", failed.Err, nowhere)
			}
		}
	})
}
