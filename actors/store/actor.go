package store

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// actor has what callers wait for, by the correlation id of what was asked
// of the port for them.
type actor struct {
	cfg       Config
	blockSize int
	clock     port.Clock
	blocks    port.Blocks
	index     port.Index // nil: nothing but this node's own blocks is kept
	net       port.Net   // nil: nothing is served
	workers   port.Workers
	sibling   func(role string) shell.Ref

	room    room
	waiting []put // puts that wait for a look at the engine, in order
	puts    map[messages.Corr]put
	owning  []*ownPut

	loading  loading
	kept     keptTable
	claims   claims
	expected map[messages.Corr]func(shell.Ctx, any) // what to do with an answer

	changes      int   // HoldReplicas and DropReplicas under way
	holding      int64 // replicas on their way
	caching      int   // KeepCached, and blocks of MendBlocks, under way
	cachedComing int64 // cached blocks on their way
	offered      int   // blocks that the randomizer examines
	deadBytes    int64 // deleted since the last compaction outside of a job
	compacting   bool
	relieving    bool // blocks are being deleted for want of room

	serving     int // requests of others under way
	served      served
	mended      uint64         // damaged blocks that were written anew
	servedCIDs  []messages.CID // not told to the popularity yet
	servedTimer bool

	reads  int // loads, lists and looks for a caller
	loads  map[messages.Corr]shell.Caller
	lists  map[messages.Corr]shell.Caller
	usages map[messages.Corr]shell.Caller // the zero Caller: for the room

	job       job
	jobBegun  bool
	jobCaller shell.Caller
	jobAsks   map[messages.Corr]any // tags of what the job waits for

	undoing map[messages.Corr]func(shell.Ctx) // what Start sent: what to do next
}

// put is blocks on their way to the disk.
type put struct {
	blocks []messages.Block
	then   func(ctx shell.Ctx, err *messages.Error)
	bytes  int64 // what it takes on disk, at most
	spare  bool  // nothing else is deleted for it
	asked  int   // looks at the engine that were asked for when it came
}

// New returns what makes an incarnation of the store. cfg and params are
// valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			cfg:       cfg,
			blockSize: params.BlockSize,
			clock:     env.Clock,
			blocks:    env.Blocks,
			index:     env.Index,
			net:       env.Net,
			workers:   env.Workers,
			sibling:   env.Sibling,
			room:      room{quotaBytes: cfg.QuotaBytes, reserveBytes: cfg.ReserveBytes},
			puts:      make(map[messages.Corr]put),
			loads:     make(map[messages.Corr]shell.Caller),
			lists:     make(map[messages.Corr]shell.Caller),
			usages:    make(map[messages.Corr]shell.Caller),
			jobAsks:   make(map[messages.Corr]any),
			undoing:   make(map[messages.Corr]func(shell.Ctx)),
			kept:      newKeptTable(),
			expected:  make(map[messages.Corr]func(shell.Ctx, any)),
		}
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(ctx shell.Ctx) {
	a.look(ctx)
	a.undo(ctx)
	a.load(ctx)
	if a.net != nil {
		a.net.Handle(messages.ProtocolBlock)
	}
}

// Due implements [shell.Behaviour].
func (a *actor) Due(ctx shell.Ctx, due any) {
	switch due.(type) {
	case servedDue:
		a.servedTimer = false
		a.tellServed(ctx)
	default:
		panic(fmt.Sprintf("store: unexpected timer %T", due))
	}
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	if answer, ok := msg.(messages.Reply); ok {
		if then, ok := a.expected[answer.Correlation()]; ok {
			delete(a.expected, answer.Correlation())
			then(ctx, answer)
			return
		}
	}
	switch m := msg.(messages.ForStore).(type) {
	case messages.PutBlocks:
		a.onPut(ctx, m)
	case messages.HoldReplicas:
		a.onHold(ctx, m)
	case messages.DropReplicas:
		a.onDrop(ctx, m)
	case messages.ListKept:
		a.onListKept(ctx, m)
	case messages.KeepCached:
		a.onKeepCached(ctx, m)
	case messages.MendBlocks:
		a.onMend(ctx, m)
	case messages.PacketReceived:
		a.onPacket(ctx, m)
	case messages.LoadBlocks:
		a.onLoad(ctx, m)
	case messages.ListStored:
		a.onList(ctx, m)
	case messages.StatStore:
		a.onStat(ctx)
	case messages.Collect:
		a.onCollect(ctx, m)
	case messages.VerifyStore:
		a.startJob(ctx, func() job { return newVerifier(a.cfg) })
	case messages.StatJob:
		a.onStatJob(ctx)
	case messages.CancelJob:
		if a.job != nil {
			a.job.cancel()
		}
		ctx.Reply(ctx.Caller(), messages.JobCanceled{Answer: ctx.Caller().Answer()})
	case messages.BlocksPut:
		a.onPutDone(ctx, m)
	case messages.BlocksGot:
		a.onGot(ctx, m)
	case messages.BlocksListed:
		a.onListed(ctx, m)
	case messages.BlocksUsage:
		a.onUsage(ctx, m)
	case messages.BlocksHad, messages.BlocksDeleted, messages.BlocksCompacted, messages.WorkDone,
		messages.CollectionBegun, messages.BlocksRetired, messages.CollectionEnded,
		messages.InFlightListed, messages.WalkBegun, messages.WalkContinued,
		messages.WalkEnded, messages.WalksEnded, messages.ImportsHeld, messages.BlockUnsealed,
		messages.IndexCommitted, messages.IndexScanned, messages.BlocksAdmitted, messages.Failed:
		a.answered(ctx, m.(messages.Reply))
	default:
		panic(fmt.Sprintf("store: unexpected message %T", m))
	}
}

func (a *actor) onCollect(ctx shell.Ctx, m messages.Collect) {
	if m.Without != "" && !m.DryRun {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
			"a collection without a path is a dry run"))
		return
	}
	a.startJob(ctx, func() job {
		// The mark comes before anything is asked: see collector.
		mark := a.blocks.Position()
		c := newCollector(m, a.blockSize, mark, a.blocks.WrittenSince)
		c.standing = func(cid messages.CID) standing { return a.kept.standing(cid, a.now()) }
		for _, p := range a.owning {
			c.written(p.cids)
		}
		return c
	})
}

func (a *actor) startJob(ctx shell.Ctx, start func() job) {
	if a.job != nil {
		phase, _, _ := a.job.progress()
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeOverload,
			"a collection or verification is running already (%s)", phase))
		return
	}
	a.job, a.jobCaller = start(), ctx.Caller()
	a.whenLoaded(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			a.finishJob(ctx, finish{err: err})
			return
		}
		a.beginJob(ctx)
	})
}

// beginJob starts the job that waits, if there is one and nothing else to
// wait for.
func (a *actor) beginJob(ctx shell.Ctx) {
	if a.job != nil && !a.jobBegun && len(a.undoing) == 0 && a.loading.done() {
		a.jobBegun = true
		a.perform(ctx, a.job.step(nil, nil))
	}
}

func (a *actor) onStatJob(ctx shell.Ctx) {
	statted := messages.JobStatted{Answer: ctx.Caller().Answer()}
	if a.job != nil {
		statted.Phase, statted.Done, statted.Total = a.job.progress()
	}
	ctx.Reply(ctx.Caller(), statted)
}

// stepJob hands the job an answer to something it asked for.
func (a *actor) stepJob(ctx shell.Ctx, answer messages.Reply) {
	tag, ok := a.jobAsks[answer.Correlation()]
	if !ok {
		panic(fmt.Sprintf("store: %T answers nothing that was asked", answer))
	}
	delete(a.jobAsks, answer.Correlation())
	a.perform(ctx, a.job.step(answer, tag))
}

// perform does what the job asked for.
func (a *actor) perform(ctx shell.Ctx, effects []effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case forget:
			a.tellGone(ctx, messages.ForgetBlocks{CIDs: e.cids})
		case finish:
			a.finishJob(ctx, e)
		case ask:
			corr := a.jobCorr(ctx, e.tag)
			ctx.Ask(a.sibling(e.to), e.command(messages.Call{Corr: corr}))
		case look:
			a.blocks.Usage(a.jobCorr(ctx, nil))
		case list:
			a.blocks.List(a.jobCorr(ctx, nil), e.after, listPage)
		case get:
			a.blocks.Get(a.jobCorr(ctx, e.tag), e.cids, true)
		case work:
			a.workers.Do(a.jobCorr(ctx, e.tag), e.cost, e.run)
		case remove:
			a.removeGarbage(ctx, e)
		case disown:
			a.disown(ctx, e)
		case compact:
			a.blocks.Compact(a.jobCorr(ctx, nil), a.cfg.CompactDeadShare)
		default:
			panic(fmt.Sprintf("store: unexpected effect %T", e))
		}
	}
}

func (a *actor) jobCorr(ctx shell.Ctx, tag any) messages.Corr {
	corr := ctx.NextCorr()
	a.jobAsks[corr] = tag
	return corr
}

func (a *actor) finishJob(ctx shell.Ctx, e finish) {
	if len(a.jobAsks) > 0 {
		panic("store: a job ended with requests under way")
	}
	caller := a.jobCaller
	a.job, a.jobBegun, a.jobCaller = nil, false, shell.Caller{}
	if e.err != nil {
		ctx.Fail(caller, e.err)
		return
	}
	ctx.Reply(caller, e.reply(caller.Answer()))
}
