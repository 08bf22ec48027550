package sim

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// traceTailLength is how many deliveries are remembered, and traceShown how
// many of them a failure report shows.
const (
	traceTailLength = 512
	traceShown      = 40
)

// offendersShown is how many actors a runaway report names.
const offendersShown = 4

// The 64-bit FNV-1a parameters, used on whole words.
// Source: http://www.isthe.com/chongo/tech/comp/fnv/
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// mix folds a word into a hash. The shift carries high bits down, which
// FNV's multiplication alone never does.
func mix(hash, word uint64) uint64 {
	hash = (hash ^ word) * fnvPrime
	return hash ^ hash>>29
}

func hashText(text string) uint64 {
	hash := uint64(fnvOffset)
	for i := range len(text) {
		hash = (hash ^ uint64(text[i])) * fnvPrime
	}
	return hash
}

// trace records deliveries: all of them in a hash, the last ones in full.
type trace struct {
	hash   uint64
	events uint64
	tail   [traceTailLength]traced
	types  map[reflect.Type]uint64
	flow   map[flowKey]uint64 // nil: not recorded
}

// traced is a delivery without its message: that may hold blocks.
type traced struct {
	atNS        int64
	kind        shell.Kind
	from, to    shell.Ref
	incarnation uint64
	message     reflect.Type
	corr        messages.Corr
}

func newTrace(flow bool) *trace {
	t := &trace{
		hash: fnvOffset, types: make(map[reflect.Type]uint64),
	}
	if flow {
		t.flow = make(map[flowKey]uint64)
	}
	return t
}

func (t *trace) add(atNS int64, d shell.Delivery) {
	message, corr := reflect.TypeOf(d.Msg), d.Corr()
	t.tail[t.events%traceTailLength] = traced{
		atNS, d.Kind, d.From, d.To, d.Incarnation, message, corr,
	}
	t.events++
	hash := mix(t.hash, uint64(atNS))
	hash = mix(hash, d.To.PathHash())
	hash = mix(hash, t.typeHash(message))
	hash = mix(hash, uint64(corr))
	t.hash = mix(hash, d.Incarnation<<8|uint64(d.Kind))
	if t.flow != nil && !d.From.IsZero() {
		t.flow[flowKey{d.From.Role(), d.To.Role(), d.Kind, message}]++
	}
}

func (t *trace) typeHash(message reflect.Type) uint64 {
	hash, ok := t.types[message]
	if !ok {
		hash = hashText(typeName(message))
		t.types[message] = hash
	}
	return hash
}

func typeName(message reflect.Type) string {
	if message == nil {
		return ""
	}
	return message.String()
}

// last returns the deliveries that are still known, oldest first.
func (t *trace) last() []traced {
	var known []traced
	for i := range uint64(traceTailLength) {
		if n := t.events + i; n >= traceTailLength {
			known = append(known, t.tail[n%traceTailLength])
		}
	}
	return known
}

// String shows the last deliveries, one a line.
func (t *trace) String() string { return show(t.last()) }

// about shows the last deliveries from and to actors of some nodes.
func (t *trace) about(nodes ...string) string {
	return show(slices.DeleteFunc(t.last(), func(d traced) bool {
		return !slices.Contains(nodes, nodeOf(d.from)) && !slices.Contains(nodes, nodeOf(d.to))
	}))
}

// nodeOf is the first part of an actor's path.
func nodeOf(actor shell.Ref) string {
	node, _, _ := strings.Cut(actor.String(), "/")
	return node
}

// show writes the last ones of some deliveries. Simulated data only: in here
// nothing is secret, but values are left out all the same.
func show(deliveries []traced) string {
	var b strings.Builder
	for _, d := range deliveries[max(0, len(deliveries)-traceShown):] {
		from := "-"
		if !d.from.IsZero() {
			from = d.from.String()
		}
		fmt.Fprintf(&b, "%14s  %-22s → %-22s %-8s %s", time.Duration(d.atNS), from, d.to,
			d.kind, typeName(d.message))
		if d.corr != 0 {
			fmt.Fprintf(&b, " #%d", d.corr)
		}
		if d.incarnation > 1 {
			fmt.Fprintf(&b, " (incarnation %d)", d.incarnation)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// offenders names the actors that got most of the last deliveries.
func (t *trace) offenders() string {
	counts := make(map[string]int)
	all := t.last()
	for _, d := range all[max(0, len(all)-traceShown):] {
		counts[fmt.Sprintf("%s (%s)", d.to, typeName(d.message))]++
	}
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		return counts[a] > counts[b] || counts[a] == counts[b] && a < b
	})
	return strings.Join(names[:min(len(names), offendersShown)], ", ")
}
