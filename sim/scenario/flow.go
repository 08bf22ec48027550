package scenario

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
)

// flowStep is a message of one type from one role to another.
type flowStep struct {
	from, to string
	kind     shell.Kind
	message  string
}

// FlowRecorder notes who sends what to whom, in the order of first times.
type FlowRecorder struct {
	steps []flowStep
	seen  map[flowStep]uint64
}

// NewFlowRecorder makes an empty recorder.
func NewFlowRecorder() *FlowRecorder {
	return &FlowRecorder{seen: make(map[flowStep]uint64)}
}

// Observe is for Options.Observe. Starts and timers are nobody's messages.
func (r *FlowRecorder) Observe(d shell.Delivery) {
	if d.Kind == shell.KindStart || d.Kind == shell.KindDue {
		return
	}
	name := reflect.TypeOf(d.Msg).Name()
	step := flowStep{d.From.Role(), d.To.Role(), d.Kind, name}
	if d.Kind == shell.KindAnswer {
		step.from = portOf(name)
	}
	if r.seen[step]++; r.seen[step] == 1 {
		r.steps = append(r.steps, step)
	}
}

// portOf names the port that gives an answer.
func portOf(answer string) string {
	switch {
	case strings.HasPrefix(answer, "Index"):
		return "Index"
	case strings.HasPrefix(answer, "Blocks"):
		return "Blocks"
	case strings.HasPrefix(answer, "Gossip"):
		return "Gossip"
	case strings.HasPrefix(answer, "Packet"), strings.HasPrefix(answer, "Request"):
		return "Net"
	}
	return "Workers"
}

// Flows returns what was noted without the answers of ports, as
// sim.DrawFlows takes it.
func (r *FlowRecorder) Flows() []sim.Flow {
	var flows []sim.Flow
	for _, s := range r.steps {
		if s.kind != shell.KindAnswer {
			flows = append(flows, sim.Flow{
				From: s.from, To: s.to, Kind: s.kind, Message: "messages." + s.message,
				Count: r.seen[s],
			})
		}
	}
	slices.SortFunc(flows, func(a, b sim.Flow) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To),
			cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Message, b.Message))
	})
	return flows
}

// Has reports whether a message of the type was noted.
func (r *FlowRecorder) Has(message string) bool {
	return slices.ContainsFunc(r.steps, func(s flowStep) bool { return s.message == message })
}

// Between returns what was noted between some roles, and from ports to them.
func (r *FlowRecorder) Between(roles ...string) *FlowRecorder {
	part := NewFlowRecorder()
	for _, s := range r.steps {
		if slices.Contains(roles, s.to) &&
			(s.kind == shell.KindAnswer || slices.Contains(roles, s.from)) {
			part.steps = append(part.steps, s)
			part.seen[s] = r.seen[s]
		}
	}
	return part
}

// Add takes in what another recorder noted.
func (r *FlowRecorder) Add(other *FlowRecorder) {
	for _, s := range other.steps {
		if r.seen[s] == 0 {
			r.steps = append(r.steps, s)
		}
		r.seen[s] += other.seen[s]
	}
}

// flowColumns is the order in which a sequence diagram shows who takes part.
var flowColumns = [...]string{
	ClientRole, "user", roleDrive, roleSplitter, roleRandomizer, roleReader, roleCache, roleStore,
	"fetcher", "scorer", "replication", "popularity", "membership",
	"Workers", "Index", "Blocks", "Net", "Gossip",
}

// Sequence returns a Mermaid sequence diagram: each type of message where it
// comes for the first time. Commands are solid, replies and the answers of
// ports dashed, events open-ended.
func (r *FlowRecorder) Sequence() string {
	arrows := map[shell.Kind]string{
		shell.KindCommand: "->>", shell.KindReply: "-->>",
		shell.KindAnswer: "-->>", shell.KindEvent: "-)",
	}
	takesPart := make(map[string]bool)
	for _, s := range r.steps {
		takesPart[s.from], takesPart[s.to] = true, true
	}
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	for _, role := range flowColumns {
		if takesPart[role] {
			fmt.Fprintf(&b, "    participant %s\n", role)
		}
	}
	for _, s := range r.steps {
		fmt.Fprintf(&b, "    %s%s%s: %s\n", s.from, arrows[s.kind], s.to, s.message)
	}
	return b.String()
}
