package cache

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// actor turns messages into steps of the core, and the core's effects into
// messages.
type actor struct {
	core           *core
	store, fetcher shell.Ref
	// loads and fetches have what each LoadBlocks and each FetchBlocks under
	// way asked for.
	loads, fetches map[messages.Corr][]messages.CID
}

// New returns what makes an incarnation of the cache. cfg and params are
// valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		a := &actor{
			core:    newCore(cfg, params.BlockSize),
			store:   env.Sibling("store"),
			loads:   make(map[messages.Corr][]messages.CID),
			fetches: make(map[messages.Corr][]messages.CID),
		}
		if cfg.Network {
			a.fetcher = env.Sibling("fetcher")
		}
		return a
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(shell.Ctx) {}

// Due implements [shell.Behaviour]: the cache sets no timers.
func (a *actor) Due(_ shell.Ctx, due any) {
	panic(fmt.Sprintf("cache: unexpected timer %T", due))
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForCache).(type) {
	case messages.ReadBlocks:
		out, refused := a.core.read(ctx.Caller(), m)
		if refused != nil {
			ctx.Fail(ctx.Caller(), refused)
			return
		}
		a.apply(ctx, out)
	case messages.ForgetBlocks:
		a.core.forget(m.CIDs)
		if m.All {
			a.core.forgetAll()
		}
	case messages.StatCache:
		ctx.Reply(ctx.Caller(), a.core.stats(ctx.Caller().Answer()))
	case messages.BlocksLoaded:
		a.apply(ctx, a.core.loaded(outcomes(take(a.loads, m.Corr), m.Blocks, m.Errs)))
	case messages.BlocksFetched:
		a.apply(ctx, a.core.fetched(outcomes(take(a.fetches, m.Corr), m.Blocks, m.Errs)))
	case messages.Failed:
		if _, ok := a.fetches[m.Corr]; ok {
			a.apply(ctx, a.core.fetched(failures(take(a.fetches, m.Corr), m.Err)))
			return
		}
		a.apply(ctx, a.core.loaded(failures(take(a.loads, m.Corr), m.Err)))
	default:
		panic(fmt.Sprintf("cache: unexpected message %T", m))
	}
}

// take returns what the command of that id asked for.
func take(asked map[messages.Corr][]messages.CID, corr messages.Corr) []messages.CID {
	cids, ok := asked[corr]
	if !ok {
		panic("cache: a reply to nothing that was asked")
	}
	delete(asked, corr)
	return cids
}

func (a *actor) apply(ctx shell.Ctx, out effects) {
	for _, wanted := range out.loads {
		corr := ctx.NextCorr()
		a.loads[corr] = wanted.cids
		ctx.Ask(a.store, messages.LoadBlocks{
			Call: messages.Call{Corr: corr}, CIDs: wanted.cids, Checked: wanted.checked,
		})
	}
	if len(out.fetch) > 0 {
		corr := ctx.NextCorr()
		a.fetches[corr] = out.fetch
		ctx.Ask(a.fetcher, messages.FetchBlocks{
			Call: messages.Call{Corr: corr}, CIDs: out.fetch, Urgency: out.urgency,
			Tuples: out.tuples,
		})
	}
	if len(out.mend) > 0 {
		ctx.Tell(a.store, messages.MendBlocks{Blocks: out.mend})
	}
	if len(out.keep) > 0 {
		ctx.Tell(a.store, messages.KeepCached{Blocks: out.keep})
	}
	for _, done := range out.done {
		if done.err != nil {
			ctx.Fail(done.caller, done.err)
			continue
		}
		ctx.Reply(done.caller, messages.BlocksRead{
			Answer: done.caller.Answer(), Blocks: done.blocks,
		})
	}
}

// outcomes pairs what was asked with what came. errs is nil, or as long.
func outcomes(
	cids []messages.CID, blocks []messages.Block, errs []*messages.Error,
) []outcome {
	if len(blocks) != len(cids) {
		panic(fmt.Sprintf("cache: %d blocks for %d asked", len(blocks), len(cids)))
	}
	all := make([]outcome, len(cids))
	for i, cid := range cids {
		all[i] = outcome{cid: cid, data: blocks[i].Data}
		if errs != nil {
			all[i].err = errs[i]
		}
	}
	return all
}

// failures gives every block of a failed load the same error.
func failures(cids []messages.CID, err *messages.Error) []outcome {
	all := make([]outcome, len(cids))
	for i, cid := range cids {
		all[i] = outcome{cid: cid, err: err}
	}
	return all
}
