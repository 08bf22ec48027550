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
	core  *core
	store shell.Ref
	// asked has what each LoadBlocks under way asked for.
	asked map[messages.Corr][]messages.CID
}

// New returns what makes an incarnation of the cache. cfg and params are
// valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			core:  newCore(cfg, params.BlockSize),
			store: env.Sibling("store"),
			asked: make(map[messages.Corr][]messages.CID),
		}
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
		out, refused := a.core.read(ctx.Caller(), m.CIDs, m.Checked)
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
		a.apply(ctx, a.core.loaded(outcomes(a.take(m.Corr), m)))
	case messages.Failed:
		a.apply(ctx, a.core.loaded(failures(a.take(m.Corr), m.Err)))
	default:
		panic(fmt.Sprintf("cache: unexpected message %T", m))
	}
}

// take returns what the LoadBlocks of that id asked for.
func (a *actor) take(corr messages.Corr) []messages.CID {
	cids, ok := a.asked[corr]
	if !ok {
		panic("cache: a reply to nothing that was asked")
	}
	delete(a.asked, corr)
	return cids
}

func (a *actor) apply(ctx shell.Ctx, out effects) {
	for _, wanted := range out.loads {
		corr := ctx.NextCorr()
		a.asked[corr] = wanted.cids
		ctx.Ask(a.store, messages.LoadBlocks{
			Call: messages.Call{Corr: corr}, CIDs: wanted.cids, Checked: wanted.checked,
		})
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

// outcomes pairs what was asked with what was loaded.
func outcomes(cids []messages.CID, loaded messages.BlocksLoaded) []outcome {
	if len(loaded.Blocks) != len(cids) {
		panic(fmt.Sprintf("cache: %d blocks for %d asked", len(loaded.Blocks), len(cids)))
	}
	all := make([]outcome, len(cids))
	for i, cid := range cids {
		all[i] = outcome{cid: cid, data: loaded.Blocks[i].Data}
		if loaded.Errs != nil {
			all[i].err = loaded.Errs[i]
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
