package fleet

import (
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// userRole is the user's name among the actors of its node.
const userRole = "user"

const (
	// operationsMax bounds what a user does at one time. What comes beyond
	// it fails: a user who got no answer to so many does not go on asking.
	operationsMax = 64
	// openFilesMax is how many files a user keeps open for reading.
	openFilesMax = 128
)

// operation is something that a user does: a state machine that is stepped
// with the replies to what it asked.
type operation interface {
	// step goes on with a reply. It may ask more through the user; it ends
	// by calling user.ended.
	step(ctx shell.Ctx, u *user, reply messages.Reply)
}

// user is who sits at a node.
type user struct {
	run    *run
	number int // of the node
	env    *shell.Env

	drive, reader, splitter, store shell.Ref

	asked  map[messages.Corr]operation
	active int
	files  map[int]*openFile // by number
	uses   uint64            // counts uses of files, to tell the oldest
}

var _ shell.Behaviour = (*user)(nil)

// newUser makes the user of a node, anew at each boot of it.
func (r *run) newUser(number int) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &user{
			run: r, number: number, env: env,
			drive: env.Sibling("drive"), reader: env.Sibling("reader"),
			splitter: env.Sibling("splitter"), store: env.Sibling("store"),
			asked: make(map[messages.Corr]operation), files: make(map[int]*openFile),
		}
	}
}

// orders is how the run tells a user what to do from now on.
type orders struct {
	messages.Call
	store   []*file     // to be stored, one after the other
	remove  []*file     // to be deleted
	works   []*workload // to begin
	readAll []*file     // to be read from end to end
}

// ordersTaken replies to orders, at once.
type ordersTaken struct{ messages.Answer }

// arrival is the timer of a workload: the next thing to do is due.
type arrival struct{ work *workload }

// Start implements [shell.Behaviour]. A user whose node was down goes on
// with what the others are doing.
func (u *user) Start(ctx shell.Ctx) {
	u.run.users[u.number], u.run.gossips[u.number] = ctx.Self(), u.env.Gossip
	for _, w := range u.run.active {
		u.begin(w)
	}
}

// Receive implements [shell.Behaviour].
func (u *user) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(type) {
	case orders:
		ctx.Reply(ctx.Caller(), ordersTaken{ctx.Caller().Answer()})
		for _, w := range m.works {
			u.begin(w)
		}
		if len(m.store) > 0 {
			newUpload(u, m.store[0], m.store[1:]).start(ctx, u)
		}
		if len(m.remove) > 0 {
			(&removal{files: m.remove}).start(ctx, u)
		}
		if len(m.readAll) > 0 {
			u.readAll(ctx, m.readAll)
		}
	case messages.Reply:
		corr := m.Correlation()
		op, ok := u.asked[corr]
		if !ok {
			panic(fmt.Sprintf("fleet: %T answers nothing that was asked", m))
		}
		delete(u.asked, corr)
		op.step(ctx, u, m)
	default:
		panic(fmt.Sprintf("fleet: unexpected message %T", m))
	}
}

// Due implements [shell.Behaviour].
func (u *user) Due(ctx shell.Ctx, due any) {
	switch d := due.(type) {
	case arrival:
		u.arrived(ctx, d.work)
	case resumeStream:
		d.stream.resume(ctx, u)
	}
}

// ask asks for an operation.
func (u *user) ask(
	ctx shell.Ctx, to shell.Ref, op operation, build func(messages.Call) messages.Command,
) {
	corr := ctx.NextCorr()
	u.asked[corr] = op
	ctx.Ask(to, build(messages.Call{Corr: corr}))
}

// tidied takes in a reply that nobody waits for.
type tidied struct{}

func (tidied) step(shell.Ctx, *user, messages.Reply) {}

// began counts an operation; false when too many are under way.
func (u *user) began() bool {
	if u.active >= operationsMax {
		return false
	}
	u.active++
	return true
}

func (u *user) ended() { u.active-- }

// openFile is a file that is open for reading, or being opened.
type openFile struct {
	file    *file
	handle  messages.HandleID
	open    bool
	waiting []fileReader // until it is open
	readers int          // operations that use it
	lastUse uint64
}

// fileReader is an operation that waits for a file to be open. err tells
// that it cannot be opened.
type fileReader interface {
	opened(ctx shell.Ctx, u *user, of *openFile, err *messages.Error)
}

// withFile calls back when the file is open: at once if it is, after its root
// was read otherwise.
func (u *user) withFile(ctx shell.Ctx, f *file, reader fileReader) {
	u.uses++
	of := u.files[f.number]
	if of == nil {
		u.closeOldest(ctx)
		of = &openFile{file: f}
		u.files[f.number] = of
		u.ask(ctx, u.drive, of, func(call messages.Call) messages.Command {
			return messages.Stat{Call: call, Target: messages.Target{Link: &f.link}}
		})
	}
	of.lastUse = u.uses
	of.readers++
	if of.open {
		reader.opened(ctx, u, of, nil)
		return
	}
	of.waiting = append(of.waiting, reader)
}

// release tells that an operation needs an open file no more.
func (u *user) release(of *openFile) { of.readers-- }

// step implements [operation]: the root was read, then the content opened.
func (of *openFile) step(ctx shell.Ctx, u *user, reply messages.Reply) {
	var err *messages.Error
	switch m := reply.(type) {
	case messages.Statted:
		of.file.content = m.Content
		u.ask(ctx, u.reader, of, func(call messages.Call) messages.Command {
			return messages.OpenContent{Call: call, Content: m.Content}
		})
		return
	case messages.ContentOpened:
		of.handle, of.open = m.Handle, true
	case messages.Failed:
		err = m.Err
		delete(u.files, of.file.number)
	}
	waiting := of.waiting
	of.waiting = nil
	for _, reader := range waiting {
		reader.opened(ctx, u, of, err)
	}
}

// closeOldest makes room for one more open file, if one can be closed.
func (u *user) closeOldest(ctx shell.Ctx) {
	if len(u.files) < openFilesMax {
		return
	}
	var oldest *openFile
	for _, of := range u.files { // the least is the same in any order
		if of.open && of.readers == 0 && (oldest == nil || of.lastUse < oldest.lastUse) {
			oldest = of
		}
	}
	if oldest == nil {
		return
	}
	delete(u.files, oldest.file.number)
	u.ask(ctx, u.reader, tidied{}, func(call messages.Call) messages.Command {
		return messages.CloseContent{Call: call, Handle: oldest.handle}
	})
}

// now is the virtual time, as the world has it: users have no clock skew.
func (u *user) now() time.Duration { return u.run.world.Elapsed() }
