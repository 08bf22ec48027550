package randomizer

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// Bounds of single commands.
const (
	commitMax = 4 * messages.ReserveMax // tuples of one CommitTuples
	retireMax = 4096                    // blocks of one RetireBlocks
	lostMax   = 4096                    // blocks of one RandomizersLost
	admitMax  = 64                      // blocks of one AdmitBlocks
)

// actor turns messages into steps of the core, and the core's changes into
// transactions.
type actor struct {
	cfg    Config
	params format.Params
	env    *shell.Env
	core   *core

	loading  bool
	ready    bool
	deferred []deferred // commands that came before it was ready

	requests   []*request // that wait for their turn
	requested  int        // their tuples
	batches    []*batch   // that are generated or on their way to disk
	generating bool       // one of them is generated

	examiner *examiner
	open     int // commands that wait or are worked on

	// answers is what to do with the answer of each port call under way.
	answers map[messages.Corr]func(ctx shell.Ctx, answer any)
}

// deferred is a command, or an event, that waits until the pool is loaded.
type deferred struct {
	caller shell.Caller
	handle func(ctx shell.Ctx, caller shell.Caller)
}

// New returns what makes an incarnation of the randomizer. cfg and params
// are valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			cfg: cfg, params: params, env: env,
			core:    newCore(cfg, env.Entropy.Uint64N),
			answers: make(map[messages.Corr]func(shell.Ctx, any)),
		}
	}
}

// Start implements [shell.Behaviour]. The pool is loaded at first need.
func (a *actor) Start(shell.Ctx) {}

// Due implements [shell.Behaviour]: the randomizer sets no timers.
func (a *actor) Due(_ shell.Ctx, due any) {
	panic(fmt.Sprintf("randomizer: unexpected timer %T", due))
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForRandomizer).(type) {
	case messages.ReserveTuples:
		a.receiveReserve(ctx, m)
	case messages.CommitTuples:
		a.receiveCommit(ctx, m)
	case messages.EndStream:
		a.endStream(ctx, m)
	case messages.AdmitBlocks:
		a.receiveAdmit(ctx, m)
	case messages.BeginCollection:
		a.whenReady(ctx, func(ctx shell.Ctx, caller shell.Caller) {
			reserved := a.core.beginCollection(a.plannedTuples())
			a.reply(ctx, caller, messages.CollectionBegun{
				Answer: caller.Answer(), Reserved: reserved,
			})
		})
	case messages.RetireBlocks:
		a.receiveRetire(ctx, m)
	case messages.EndCollection:
		a.core.endCollection()
		ctx.Reply(ctx.Caller(), messages.CollectionEnded{Answer: ctx.Caller().Answer()})
	case messages.StatRandomizer:
		a.whenReady(ctx, a.stat)
	case messages.RandomizersLost:
		a.receiveLost(ctx, m)
	case messages.IndexCommitted:
		a.answered(ctx, m.Corr, m)
	case messages.IndexGot:
		a.answered(ctx, m.Corr, m)
	case messages.IndexScanned:
		a.answered(ctx, m.Corr, m)
	case messages.WorkDone:
		a.answered(ctx, m.Corr, m)
	default:
		panic(fmt.Sprintf("randomizer: unexpected message %T", m))
	}
}

func (a *actor) answered(ctx shell.Ctx, corr messages.Corr, answer any) {
	handle, ok := a.answers[corr]
	if !ok {
		panic("randomizer: an answer to nothing that was asked")
	}
	delete(a.answers, corr)
	handle(ctx, answer)
}

// whenReady handles the command being received once the pool is loaded, or
// refuses it. Whatever handles it ends with a.reply or a.fail.
func (a *actor) whenReady(ctx shell.Ctx, handle func(ctx shell.Ctx, caller shell.Caller)) {
	if a.open >= a.cfg.WaitingMax {
		if caller := ctx.Caller(); !caller.IsZero() {
			ctx.Fail(caller, messages.Errorf(messages.CodeOverload,
				"the randomizer has %d commands waiting", a.open))
		}
		return
	}
	a.open++
	if a.ready {
		handle(ctx, ctx.Caller())
		return
	}
	a.deferred = append(a.deferred, deferred{ctx.Caller(), handle})
	a.load(ctx)
}

// reply answers a command that whenReady let in. Nobody waits for an event.
func (a *actor) reply(ctx shell.Ctx, caller shell.Caller, reply messages.Reply) {
	a.open--
	if !caller.IsZero() {
		ctx.Reply(caller, reply)
	}
}

func (a *actor) fail(ctx shell.Ctx, caller shell.Caller, err *messages.Error) {
	a.reply(ctx, caller, messages.Failed{Answer: caller.Answer(), Err: err})
}

func (a *actor) invalid(ctx shell.Ctx, text string, args ...any) {
	ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid, text, args...))
}

// commit writes a transaction and calls then with what became of it.
func (a *actor) commit(ctx shell.Ctx, txn port.Txn, then func(ctx shell.Ctx, err error)) {
	corr := ctx.NextCorr()
	a.answers[corr] = func(ctx shell.Ctx, answer any) {
		then(ctx, answer.(messages.IndexCommitted).Err)
	}
	a.env.Index.Commit(corr, txn)
}

func (a *actor) get(
	ctx shell.Ctx, rows []port.RowKey, then func(ctx shell.Ctx, values [][]byte, err error),
) {
	corr := ctx.NextCorr()
	a.answers[corr] = func(ctx shell.Ctx, answer any) {
		got := answer.(messages.IndexGot)
		if got.Err == nil && len(got.Values) != len(rows) {
			panic(fmt.Sprintf("randomizer: %d values for %d rows", len(got.Values), len(rows)))
		}
		then(ctx, got.Values, got.Err)
	}
	a.env.Index.Get(corr, rows)
}

func (a *actor) scan(
	ctx shell.Ctx, table port.Table, cursor []byte,
	then func(ctx shell.Ctx, page messages.IndexScanned),
) {
	corr := ctx.NextCorr()
	a.answers[corr] = func(ctx shell.Ctx, answer any) {
		then(ctx, answer.(messages.IndexScanned))
	}
	a.env.Index.Scan(corr, table, nil, cursor, a.cfg.ScanRows)
}

func (a *actor) receiveCommit(ctx shell.Ctx, m messages.CommitTuples) {
	if len(m.Tuples) == 0 || len(m.Tuples) > commitMax || m.Stream == 0 {
		a.invalid(ctx, "a commit of %d tuples, want 1..%d of a stream", len(m.Tuples), commitMax)
		return
	}
	seen := make(map[messages.CID]bool, 2*len(m.Tuples))
	for _, t := range m.Tuples {
		// B recurs; D and A never do.
		if t[2].IsZero() || t[2] == t[0] || t[2] == t[1] {
			a.invalid(ctx, "a tuple with equal members")
			return
		}
		for _, cid := range t[:2] {
			if cid.IsZero() || seen[cid] {
				a.invalid(ctx, "a block that stands twice in one commit")
				return
			}
			seen[cid] = true
		}
	}
	a.whenReady(ctx, func(ctx shell.Ctx, caller shell.Caller) {
		k := a.core.commit(m.Stream, m.Tuples)
		a.commit(ctx, port.Txn{Changes: k.changes}, func(ctx shell.Ctx, err error) {
			if err != nil {
				a.core.commitFailed(k)
				a.fail(ctx, caller, failure("commit tuples", err))
				return
			}
			a.core.committed(k)
			a.reply(ctx, caller, messages.TuplesCommitted{Answer: caller.Answer()})
		})
	})
}

// endStream answers at once, whatever the state: it must always work.
func (a *actor) endStream(ctx shell.Ctx, m messages.EndStream) {
	caller := ctx.Caller()
	a.cancelRequests(ctx, m.Stream)
	a.core.endStream(m.Stream)
	ctx.Reply(caller, messages.StreamEnded{Answer: caller.Answer()})
}

func (a *actor) receiveRetire(ctx shell.Ctx, m messages.RetireBlocks) {
	if len(m.CIDs) > retireMax {
		a.invalid(ctx, "%d blocks to retire, at most %d", len(m.CIDs), retireMax)
		return
	}
	a.whenReady(ctx, func(ctx shell.Ctx, caller shell.Caller) {
		free, changes, refused := a.core.retire(m.CIDs)
		switch {
		case refused != nil:
			a.fail(ctx, caller, refused)
		case len(changes) == 0:
			a.reply(ctx, caller, messages.BlocksRetired{Answer: caller.Answer()})
		default:
			a.commit(ctx, port.Txn{Changes: changes, Durable: true},
				func(ctx shell.Ctx, err error) {
					if err != nil {
						a.fail(ctx, caller, failure("retire blocks", err))
						return
					}
					a.reply(ctx, caller, messages.BlocksRetired{
						Answer: caller.Answer(), CIDs: free,
					})
				})
		}
	})
}

func (a *actor) receiveLost(ctx shell.Ctx, m messages.RandomizersLost) {
	if len(m.CIDs) == 0 || len(m.CIDs) > lostMax {
		return
	}
	a.whenReady(ctx, func(ctx shell.Ctx, caller shell.Caller) {
		a.env.Log.Info("Blocks leave the pool, since they are gone or cannot be read",
			"blocks", len(m.CIDs))
		a.drop(ctx, m.CIDs)
		a.open--
	})
}

// drop takes blocks out of the pool, durably, so that the next start does not
// choose them. If their rows cannot be deleted it may, which costs one failure
// more.
func (a *actor) drop(ctx shell.Ctx, cids []messages.CID) {
	changes := a.core.lost(cids)
	a.commit(ctx, port.Txn{Changes: changes, Durable: true}, func(_ shell.Ctx, err error) {
		if err != nil {
			a.env.Log.Warn("Rows of dropped blocks remain", "err", failure("drop blocks", err))
		}
	})
}

func (a *actor) stat(ctx shell.Ctx, caller shell.Caller) {
	stats := messages.RandomizerStatted{
		Answer: caller.Answer(), Profile: a.cfg.Profile,
		Generated: a.core.generated, Reused: a.core.reused,
		ReusePool: uint64(a.core.reuse.size()),
	}
	if a.cfg.reusePermille() > 0 {
		stats.Candidates = a.core.candidates.known()
	}
	a.reply(ctx, caller, stats)
}

// failure maps what a port answered to what callers see.
func failure(doing string, err error) *messages.Error {
	code := messages.CodeIO
	switch {
	case errors.Is(err, port.ErrIndexFull), errors.Is(err, port.ErrDiskFull):
		code = messages.CodeNoSpace
	case errors.Is(err, port.ErrIndexCorrupt), errors.Is(err, errRow):
		code = messages.CodeCorrupt
	case errors.Is(err, port.ErrDiskReadOnly):
		code = messages.CodeReadOnly
	case errors.Is(err, port.ErrBadTxn), errors.Is(err, port.ErrRowExists),
		errors.Is(err, errWork):
		code = messages.CodeInternal
	}
	return &messages.Error{Code: code, Text: "randomizer: " + doing, Err: err}
}
