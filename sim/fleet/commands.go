package fleet

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// command is one that an actor has received and not answered yet.
type command struct {
	to    shell.Ref
	kind  reflect.Type
	since time.Duration // virtual time
}

// queue names the commands of one kind at one actor.
type queue struct {
	at   shell.Ref
	kind reflect.Type
}

// commands follows each command between actors to its reply: every one has
// to get one, and no actor may let more of them wait than its configuration
// says. Commands of the run itself are left out, since its gate is no actor.
type commands struct {
	run  *run
	open map[asker]command
	// bounds is how many commands of a kind may wait at one actor, as it is
	// configured. Those of other kinds are not counted.
	bounds  map[reflect.Type]int
	waiting map[queue]int
	long    []queue // those that were beyond their bound since the last look

	answered uint64
}

func newCommands(r *run) *commands {
	return &commands{
		run: r, open: make(map[asker]command), waiting: make(map[queue]int),
		bounds: map[reflect.Type]int{
			reflect.TypeFor[messages.FetchBlocks]():  r.config.Network.Fetcher.AsksMax,
			reflect.TypeFor[messages.ReadBlocks]():   r.config.Cache.AsksMax,
			reflect.TypeFor[messages.ReadRange]():    r.config.Reader.ReadsMax,
			reflect.TypeFor[messages.PutBlocks]():    r.config.Store.PutsMax,
			reflect.TypeFor[messages.HoldReplicas](): r.config.Store.ChangesMax,
		},
	}
}

// observe sees every delivery.
func (c *commands) observe(d shell.Delivery) {
	switch d.Kind {
	case shell.KindCommand:
		if d.From.Role() == directorName {
			return
		}
		q := queue{d.To, reflect.TypeOf(d.Msg)}
		c.open[askerOf(d.From, d.Corr())] = command{d.To, q.kind, c.run.world.Elapsed()}
		if bound, ok := c.bounds[q.kind]; ok {
			c.waiting[q]++
			if c.waiting[q] == bound+1 {
				c.long = append(c.long, q)
			}
		}
	case shell.KindReply:
		key := askerOf(d.To, d.Corr())
		if open, ok := c.open[key]; ok {
			c.end(key, open)
			c.answered++
		}
	}
}

func (c *commands) end(key asker, open command) {
	delete(c.open, key)
	if q := (queue{open.to, open.kind}); c.waiting[q] > 0 {
		c.waiting[q]--
	}
}

// nodeEnded forgets the commands of a node that is off: nobody awaits a
// reply any more.
func (c *commands) nodeEnded(m *member) {
	for key, open := range c.open { // each is judged by itself
		if c.run.checks.memberOf(open.to) == m {
			delete(c.open, key)
		}
	}
	for q := range c.waiting {
		if c.run.checks.memberOf(q.at) == m {
			delete(c.waiting, q)
		}
	}
}

// lookAtQueues reports queues that are longer than their bounds. It is called
// between two instants, when no refusal is on its way: what waits was taken.
func (c *commands) lookAtQueues() {
	for _, q := range c.long {
		if n := c.waiting[q]; n > c.bounds[q.kind] {
			c.run.checks.violated(checkBounds, "%d commands %s wait at %s, at most %d may",
				n, q.kind, q.at, c.bounds[q.kind])
		}
	}
	c.long = c.long[:0]
}

// unanswered tells of the commands from before a time, the oldest first.
func (c *commands) unanswered(before time.Duration) []string {
	var old []command
	for _, open := range c.open { // sorted below
		if open.since <= before {
			old = append(old, open)
		}
	}
	slices.SortFunc(old, func(a, b command) int {
		return cmp.Or(cmp.Compare(a.since, b.since),
			strings.Compare(a.to.String(), b.to.String()),
			strings.Compare(a.kind.String(), b.kind.String()))
	})
	var text []string
	for _, open := range old {
		text = append(text, fmt.Sprintf("%s has not answered a %s of %s",
			open.to, open.kind, open.since))
	}
	return text
}

// answerPatience is how long a command of a network at rest may take.
const answerPatience = 15 * time.Minute

// awaitReplies gives the actors the time to answer what they were asked, so
// that nothing of it fails later for a reason that is over.
func (r *run) awaitReplies() error {
	open := r.checks.commands
	since := r.world.Elapsed()
	err := r.pass("awaiting replies", answerPatience, func() bool {
		return len(open.unanswered(since)) == 0
	})
	if err != nil {
		return err
	}
	for _, text := range open.unanswered(since) {
		r.checks.violated(checkReplies, "%s", text)
	}
	return nil
}
