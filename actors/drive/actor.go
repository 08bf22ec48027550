package drive

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// actor carries decisions out: it reads what they lack, commits what they
// change, and answers.
type actor struct {
	env      *shell.Env
	cfg      Config
	p        format.Params
	splitter shell.Ref
	reader   shell.Ref

	// pending has what to do with each answer that is awaited.
	pending map[messages.Corr]func(shell.Ctx, messages.Reply)

	memory *memory
	active []*operation // in the order they began
	nodes  nodeReader

	boot       bootState
	early      []func(shell.Ctx, *messages.Error) // what waits for the boot
	inProgress int                                // commands on names

	next, leased uint64            // inode numbers
	queue        []func(shell.Ctx) // changes that wait for their turn
	busy         bool              // one is at work: it calls release
	orphans      []uint64          // removed entries to be cleaned away
	keptOpen     map[uint64]bool   // removed files that somebody has open

	trees    map[messages.TreeID]*treeBuild
	lastTree messages.TreeID
	sharing  *treeBuild // the directory that is written for a share
	placing  []*placing // roots that are sealed and have no row yet

	walks       map[messages.WalkID]*walkRun
	lastWalk    messages.WalkID
	walkWaiting []func(shell.Ctx, *messages.Error) // walks that wait for the orphans
	beginning   []*walkRun                         // walks that are not begun yet

	imports     int          // under way
	held        []heldImport // put off
	lastHeld    uint64
	holdWaiting []func(shell.Ctx)
}

// New returns what makes an incarnation of the drive. cfg and params are
// valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			env: env, cfg: cfg, p: params,
			splitter: env.Sibling("splitter"),
			reader:   env.Sibling("reader"),
			pending:  make(map[messages.Corr]func(shell.Ctx, messages.Reply)),
			memory:   newMemory(cfg.RowsMax, cfg.DecodedNodesMax),
			nodes:    nodeReader{waiting: make(map[messages.BlockRef]*nodeWait)},
			trees:    make(map[messages.TreeID]*treeBuild),
			walks:    make(map[messages.WalkID]*walkRun),
			keptOpen: make(map[uint64]bool),
		}
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(ctx shell.Ctx) {
	a.closeLeftOpen(ctx)
	a.bootUp(ctx)
}

// Due implements [shell.Behaviour].
func (a *actor) Due(ctx shell.Ctx, due any) {
	switch d := due.(type) {
	case walkIdle:
		a.dropIdleWalk(ctx, d)
	case holdOver:
		a.dropHeld(ctx, d)
	default:
		panic(fmt.Sprintf("drive: unexpected timer %T", due))
	}
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForDrive).(type) {
	case messages.StoreFile:
		a.storeFile(ctx, m)
	case messages.OpenTree:
		a.openTree(ctx, m)
	case messages.AddEntry:
		a.stepTree(ctx, m.Tree, func(t *tree) (treeWork, error) { return t.add(m.Entry) })
	case messages.EnterDirectory:
		a.stepTree(ctx, m.Tree, func(t *tree) (treeWork, error) {
			return t.enter(m.Name, m.Attributes)
		})
	case messages.LeaveDirectory:
		a.stepTree(ctx, m.Tree, (*tree).leave)
	case messages.FinishTree:
		a.finishTree(ctx, m)
	case messages.AbandonTree:
		a.abandonTree(ctx, m)
	case messages.BeginWalk:
		a.beginWalk(ctx, m)
	case messages.ContinueWalk:
		a.continueWalk(ctx, m)
	case messages.EndWalk:
		a.endWalk(ctx, m)
	case messages.EndWalks:
		a.endWalks(ctx)
	case messages.HoldImports:
		a.holdImports(ctx, m)
	case messages.ForgetBlocks:
		a.forgetBlocks(m)
	case messages.BlockSealed, messages.StreamOpened, messages.StreamSynced,
		messages.StreamClosed, messages.StreamsClosed, messages.BlockUnsealed,
		messages.ContentOpened, messages.RangeRead, messages.ContentClosed,
		messages.ContentsClosed, messages.IndexCommitted, messages.IndexGot,
		messages.IndexScanned, messages.WorkDone, messages.Failed:
		a.resume(ctx, m.(messages.Reply))
	default:
		a.receiveNames(ctx, m)
	}
}

// receiveNames handles the commands on names.
func (a *actor) receiveNames(ctx shell.Ctx, msg messages.ForDrive) {
	switch m := msg.(type) {
	case messages.Stat:
		reply := messages.Statted{Answer: ctx.Caller().Answer()}
		a.read(ctx, func(v *view) (err error) {
			reply.Info, reply.Content, err = v.stat(m)
			return err
		}, func() messages.Reply { return reply })
	case messages.List:
		reply := messages.Listed{Answer: ctx.Caller().Answer()}
		a.read(ctx, func(v *view) (err error) {
			reply.Entries, reply.More, err = v.list(m.Target, m.After, m.Limit)
			return err
		}, func() messages.Reply { return reply })
	case messages.MakeDirectory:
		a.change(ctx, func(v *view) error { return v.makeDirectory(m.Path, m.Parents) })
	case messages.MakeEntry:
		a.change(ctx, func(v *view) error { return v.makeEntry(m) })
	case messages.ClaimFile:
		a.claimFile(ctx, m)
	case messages.SetContent:
		a.change(ctx, func(v *view) error { return v.setContent(m) })
	case messages.SetAttributes:
		a.change(ctx, func(v *view) error { return v.setAttributes(m) })
	case messages.ReadXattrs:
		reply := messages.XattrsRead{Answer: ctx.Caller().Answer()}
		a.read(ctx, func(v *view) (err error) {
			reply.Xattrs, err = v.readXattrs(m)
			return err
		}, func() messages.Reply { return reply })
	case messages.SetXattr:
		a.change(ctx, func(v *view) error { return v.setXattr(m) })
	case messages.HardLink:
		a.change(ctx, func(v *view) error { return v.hardLink(m) })
	case messages.Rename:
		a.changeKeeping(ctx, m.KeepOpen, func(v *view) error {
			if m.Exchange {
				return v.exchange(m.From, m.To)
			}
			return v.rename(m.From, m.To, m.Replace)
		})
	case messages.Remove:
		a.changeKeeping(ctx, m.KeepOpen, func(v *view) error {
			return v.remove(m.Path, m.Recursive)
		})
	case messages.ReleaseFile:
		a.releaseFile(ctx, m)
	case messages.Unshare:
		a.change(ctx, func(v *view) error { return v.unshare(m.Link) })
	case messages.Share:
		a.share(ctx, m)
	case messages.ListShares:
		a.listShares(ctx, m)
	case messages.Import:
		a.importLink(ctx, m)
	default:
		panic(fmt.Sprintf("drive: unexpected message %T", m))
	}
}

// resume goes on with what awaits an answer.
func (a *actor) resume(ctx shell.Ctx, reply messages.Reply) {
	then, ok := a.pending[reply.Correlation()]
	if !ok {
		panic(fmt.Sprintf("drive: %T answers nothing that was asked", reply))
	}
	delete(a.pending, reply.Correlation())
	then(ctx, reply)
}

// command is a command on names that was let in. It is answered once, by
// reply or fail.
type command struct {
	a      *actor
	caller shell.Caller
}

// letIn takes a command on names, or refuses it. then is called once the
// drive is ready.
func (a *actor) letIn(ctx shell.Ctx, then func(shell.Ctx, command)) {
	if a.inProgress >= a.cfg.OperationsMax {
		ctx.Fail(ctx.Caller(), overloaded("commands on names"))
		return
	}
	a.inProgress++
	c := command{a, ctx.Caller()}
	a.whenReady(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			c.fail(ctx, err)
			return
		}
		then(ctx, c)
	})
}

func (c command) reply(ctx shell.Ctx, reply messages.Reply) {
	c.a.inProgress--
	ctx.Reply(c.caller, reply)
}

func (c command) fail(ctx shell.Ctx, err *messages.Error) {
	c.a.inProgress--
	ctx.Fail(c.caller, err)
}

// read answers a command that only reads names. reply is called after the
// last run.
func (a *actor) read(ctx shell.Ctx, run func(v *view) error, reply func() messages.Reply) {
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		a.operate(ctx, &operation{run: run, done: func(ctx shell.Ctx, err *messages.Error) {
			if err != nil {
				c.fail(ctx, err)
				return
			}
			c.reply(ctx, reply())
		}})
	})
}

// change answers a command that changes names.
func (a *actor) change(ctx shell.Ctx, run func(v *view) error) {
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		a.changeNames(ctx, run, func(ctx shell.Ctx, err *messages.Error) {
			if err != nil {
				c.fail(ctx, err)
				return
			}
			c.reply(ctx, messages.NamespaceChanged{Answer: c.caller.Answer()})
		})
	})
}

// changeNames makes one durable change when its turn has come.
func (a *actor) changeNames(
	ctx shell.Ctx, run func(v *view) error, done func(shell.Ctx, *messages.Error),
) {
	a.inTurn(ctx, func(ctx shell.Ctx) {
		a.operate(ctx, &operation{
			run: run, changes: true,
			done: func(ctx shell.Ctx, err *messages.Error) {
				done(ctx, err)
				a.release(ctx)
			},
		})
	})
}

// inTurn runs a task when no other changes names. It ends with release.
func (a *actor) inTurn(ctx shell.Ctx, task func(shell.Ctx)) {
	a.queue = append(a.queue, task)
	a.takeTurn(ctx)
}

func (a *actor) release(ctx shell.Ctx) {
	a.busy = false
	a.takeTurn(ctx)
}

// takeTurn begins the next task. Orphans are cleaned away when nobody else
// wants to change names, or a walk waits for it.
func (a *actor) takeTurn(ctx shell.Ctx) {
	switch {
	case a.busy:
	case len(a.orphans) > 0 && (len(a.queue) == 0 || len(a.walkWaiting) > 0):
		a.busy = true
		a.cleanOrphans(ctx)
	case len(a.queue) > 0:
		task := a.queue[0]
		a.queue[0] = nil
		a.queue = a.queue[1:]
		a.busy = true
		task(ctx)
	}
}

// storeFile makes the root of a file whose content is stored.
func (a *actor) storeFile(ctx shell.Ctx, m messages.StoreFile) {
	if _, err := splitPath(m.Place.Path, a.cfg.PathDepthMax); err != nil {
		ctx.Fail(ctx.Caller(), err)
		return
	}
	node := &format.FileRoot{Name: m.Name, Attributes: m.Attributes, Content: m.Content}
	if n := uint64(len(m.Content.Inline)); n > 0 && m.Content.Size == 0 {
		node.Content.Size = n
	}
	payload, err := format.EncodeNode(a.p, node)
	if err != nil {
		ctx.Fail(ctx.Caller(), asError(err))
		return
	}
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		a.storeRoot(ctx, m.Stream, node.Level(), payload,
			func(ctx shell.Ctx, ref messages.BlockRef, err *messages.Error) {
				if err != nil {
					c.fail(ctx, err)
					return
				}
				i := inode{kind: messages.TypeFile, Attributes: m.Attributes}
				i.root, i.size = &ref, node.Content.Size
				link := messages.Link{Kind: messages.LinkFile, Root: ref}
				a.placeRoot(ctx, i, link, m.Name, m.Place, func(ctx shell.Ctx, err *messages.Error) {
					if err != nil {
						c.fail(ctx, err)
						return
					}
					c.reply(ctx, messages.RootStored{Answer: c.caller.Answer(), Link: link})
				})
			})
	})
}

// storeRoot seals a root node and waits until all of its stream is durable.
func (a *actor) storeRoot(
	ctx shell.Ctx, stream messages.StreamID, level uint8, payload []byte,
	then func(shell.Ctx, messages.BlockRef, *messages.Error),
) {
	a.ask(ctx, a.splitter, func(call messages.Call) messages.Command {
		return messages.SealBlock{
			Call: call, Stream: stream, Kind: messages.KindNode, Level: level,
			Data: withCapacity(payload, a.p),
		}
	}, func(ctx shell.Ctx, reply messages.Reply, err *messages.Error) {
		if err != nil {
			then(ctx, messages.BlockRef{}, err)
			return
		}
		a.syncRoot(ctx, stream, reply.(messages.BlockSealed).Ref, then)
	})
}

// placing is a root between its sealing and its row.
type placing struct {
	stream  messages.StreamID
	ref     messages.NeededRef
	durable bool
}

// syncRoot makes a sealed root and all below it durable. From here until it
// has a row, or failed, a walk that begins visits it.
func (a *actor) syncRoot(
	ctx shell.Ctx, stream messages.StreamID, ref messages.BlockRef,
	then func(shell.Ctx, messages.BlockRef, *messages.Error),
) {
	p := &placing{
		stream: stream, ref: messages.NeededRef{Ref: ref, Kind: messages.KindNode},
	}
	a.placing = append(a.placing, p)
	a.ask(ctx, a.splitter, func(call messages.Call) messages.Command {
		return messages.SyncStream{Call: call, Stream: stream}
	}, func(ctx shell.Ctx, _ messages.Reply, err *messages.Error) {
		p.durable = err == nil
		if err != nil {
			a.placed(ref)
		}
		then(ctx, ref, err)
	})
}

// placed ends what syncRoot began.
func (a *actor) placed(ref messages.BlockRef) {
	for i := range a.placing {
		if a.placing[i].ref.Ref == ref {
			a.placing = append(a.placing[:i], a.placing[i+1:]...)
			return
		}
	}
}

// placeRoot gives a durable root its name, or keeps its link.
func (a *actor) placeRoot(
	ctx shell.Ctx, i inode, link messages.Link, name string, to messages.Place,
	then func(shell.Ctx, *messages.Error),
) {
	run := func(v *view) error { return v.place(to.Path, i, to.Replace) }
	if to.Path == "" {
		run = func(v *view) error { return v.keep(link, kept{name: name, alone: true}) }
	}
	a.changeNames(ctx, run, func(ctx shell.Ctx, err *messages.Error) {
		a.placed(link.Root)
		then(ctx, err)
	})
}

// listShares lists the rows of kept links, a page of the index at a time.
func (a *actor) listShares(ctx shell.Ctx, m messages.ListShares) {
	if m.Limit < 1 || m.Limit > messages.ListMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
			"a limit of %d, want 1..%d", m.Limit, messages.ListMax))
		return
	}
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		corr := ctx.NextCorr()
		a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
			listed, err := sharesListed(c.caller, reply.(messages.IndexScanned))
			if err != nil {
				c.fail(ctx, err)
				return
			}
			c.reply(ctx, listed)
		}
		a.env.Index.Scan(corr, port.TableRoots, nil, m.After, m.Limit)
	})
}

func sharesListed(to shell.Caller, page messages.IndexScanned) (
	messages.SharesListed, *messages.Error,
) {
	listed := messages.SharesListed{Answer: to.Answer(), Next: page.Next}
	if page.Err != nil {
		return listed, indexError(page.Err)
	}
	for _, row := range page.Rows {
		link, err := format.DecodeLink(row.Key)
		if err != nil {
			return listed, corrupt(err)
		}
		k, err := decodeKept(row.Value)
		if err != nil {
			return listed, corrupt(err)
		}
		listed.Shares = append(listed.Shares,
			messages.SharedLink{Link: link, Path: k.path, Name: k.name})
	}
	return listed, nil
}
