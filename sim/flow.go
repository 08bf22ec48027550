package sim

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/noisefs/noisefs/runtime/shell"
)

// Flow tells how often one role sent one type of message to another.
type Flow struct {
	From, To string // roles; a client or another gate goes by its name
	Kind     shell.Kind
	Message  string // the type, for example "messages.FetchBlock"
	Count    uint64
}

type flowKey struct {
	from, to string
	kind     shell.Kind
	message  reflect.Type
}

// flows returns what was recorded, sorted by sender, receiver, kind and
// message.
func (t *trace) flows() []Flow {
	flows := make([]Flow, 0, len(t.flow))
	for key, count := range t.flow {
		flows = append(flows, Flow{key.from, key.to, key.kind, typeName(key.message), count})
	}
	slices.SortFunc(flows, func(a, b Flow) int {
		return cmp.Or(
			strings.Compare(a.From, b.From), strings.Compare(a.To, b.To),
			cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Message, b.Message))
	})
	return flows
}

// DrawFlows returns a Mermaid diagram of who sends what to whom: solid lines
// for commands, dotted ones for events. Replies are left out, since each
// command has one, and so are counts, since they differ from run to run.
func DrawFlows(flows []Flow) string {
	var b strings.Builder
	b.WriteString("graph LR\n")
	for at := 0; at < len(flows); {
		first := flows[at]
		var names []string
		for at < len(flows) && flows[at].From == first.From && flows[at].To == first.To &&
			flows[at].Kind == first.Kind {
			_, name, _ := strings.Cut(flows[at].Message, ".")
			names = append(names, name)
			at++
		}
		arrow := map[shell.Kind]string{shell.KindCommand: "-->", shell.KindEvent: "-.->"}[first.Kind]
		if arrow != "" {
			fmt.Fprintf(&b, "    %s %s|%s| %s\n", first.From, arrow, strings.Join(names, "<br>"), first.To)
		}
	}
	return b.String()
}
