package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/noisefs/noisefs/sim/report"
)

// checker looks at what no single key shows: which settings are possible
// together, and whether references lead somewhere.
type checker struct {
	*decoder
	plan *Plan
}

// refuse notes a problem with a path, unless that has one already: what
// follows from a wrong value is not told as well.
func (c *checker) refuse(path, format string, args ...any) {
	at := c.at(path)
	if !slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Position == at }) {
		c.problem(at, format, args...)
	}
}

func (c *checker) check() {
	if !c.isSet("name") {
		c.refuse("name", "a scenario needs a name")
	}
	if c.plan.Sample > c.plan.Duration {
		c.refuse("sample", "sample (%s) is longer than duration (%s)", c.plan.Sample, c.plan.Duration)
	}
	c.network()
	c.policies()
	c.churn()
	c.content()
	for i := range c.plan.Workloads {
		c.workload(join("workloads", strconv.Itoa(i)), &c.plan.Workloads[i])
	}
	for i := range c.plan.Faults {
		c.fault(join("faults", strconv.Itoa(i)), &c.plan.Faults[i])
	}
	for i, a := range c.plan.Assertions {
		c.assertion(join("assertions", strconv.Itoa(i)), a)
	}
}

func (c *checker) network() {
	n, nodes := c.plan.Network, c.plan.Nodes
	switch {
	case n.Topology != TopologyKRegular:
		if c.isSet("network.degree") {
			c.refuse("network.degree", "degree counts in topology k-regular only")
		}
	case n.Degree >= nodes:
		c.refuse("network.degree", "degree is %d, with %d nodes want %d at most",
			n.Degree, nodes, nodes-1)
	case n.Degree*nodes%2 != 0:
		c.refuse("network.degree", "no network of %d nodes has the odd degree %d", nodes, n.Degree)
	}
	if n.Topology == TopologyRegional && n.Preset == PresetLAN {
		c.refuse("network.topology", "the preset lan has no regions")
	}
}

func (c *checker) policies() {
	p := c.plan.Policies
	switch {
	case p.Replication != ReplicationFixed:
		if c.isSet("policies.factor") {
			c.refuse("policies.factor", "factor counts with replication fixed only")
		}
	case !c.isSet("policies.factor"):
		c.refuse("policies.replication", "replication fixed needs a factor")
	case p.Factor > c.plan.Nodes:
		c.refuse("policies.factor", "factor is %d, with %d nodes", p.Factor, c.plan.Nodes)
	}
	if c.isSet("node.cacheBlocks") && p.Cache == CacheNone && c.plan.Node.CacheBlocks > 0 {
		c.refuse("node.cacheBlocks", "cacheBlocks is %d, but policies.cache is none",
			c.plan.Node.CacheBlocks)
	}
}

func (c *checker) churn() {
	if c.plan.Churn.Model == ChurnSessions {
		return
	}
	for _, key := range []string{"medianSession", "medianAbsence", "sigma", "onShare"} {
		if path := join("churn", key); c.isSet(path) {
			c.refuse(path, "%s counts in model sessions only", key)
		}
	}
}

func (c *checker) content() {
	content := c.plan.Content
	if content.BlocksPerFile.Median > float64(content.BlocksPerFile.Max) {
		c.refuse("content.blocksPerFile", "median is %g, but max is %d",
			content.BlocksPerFile.Median, content.BlocksPerFile.Max)
	}
	if content.Files > 0 && content.Owners*float64(c.plan.Nodes) < 1 {
		c.refuse("content.owners", "of %d nodes, a share of %g owns files: that is nobody",
			c.plan.Nodes, content.Owners)
	}
}

// keysOfKind checks which keys a workload or fault has.
func (c *checker) keysOfKind(path, name string, kinds []kind, always ...string) {
	if name == "" {
		if !c.isSet(join(path, "kind")) {
			c.refuse(path, "%s needs a kind", path)
		}
		return
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		names := make([]string, len(kinds))
		for i := range kinds {
			names[i] = kinds[i].name
		}
		c.refuse(join(path, "kind"), "%s.kind is %s, want one of %s", path, name,
			strings.Join(names, ", "))
		return
	}
	k := kinds[i]
	allowed := slices.Concat(always, k.takes)
	for _, need := range k.needs {
		choices := strings.Split(need, "|")
		allowed = append(allowed, choices...)
		var set []string
		for _, choice := range choices {
			if c.isSet(join(path, choice)) {
				set = append(set, choice)
			}
		}
		switch {
		case len(set) == 0:
			c.refuse(join(path, "kind"), "%s needs %s", name, strings.Join(choices, " or "))
		case len(set) > 1:
			c.refuse(join(path, set[1]), "%s is for either %s", name, strings.Join(choices, " or "))
		}
	}
	for _, key := range c.keysBelow(path) {
		if !slices.Contains(allowed, key) {
			c.refuse(join(path, key), "%s takes no %s: it has %s", name, key,
				strings.Join(allowed, ", "))
		}
	}
	if path := join(path, "share"); c.isSet(path) && c.shareOf(path) == 0 {
		c.refuse(path, "a share of 0 is nobody")
	}
}

func (c *checker) shareOf(path string) float64 {
	parts := strings.Split(path, ".")
	index, err := strconv.Atoi(parts[1])
	if err != nil {
		panic("plan: no index in " + path)
	}
	if parts[0] == "faults" {
		return c.plan.Faults[index].Share
	}
	return c.plan.Workloads[index].Share
}

// keysBelow returns the keys that are set directly below a path, sorted.
func (c *checker) keysBelow(path string) []string {
	var keys []string
	for place := range c.places {
		if key, ok := strings.CutPrefix(place, path+"."); ok && !strings.Contains(key, ".") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// span checks that something begins, and ends, within the measured span.
func (c *checker) span(path, startKey string, start time.Duration) {
	if start >= c.plan.Duration {
		c.refuse(join(path, startKey), "%s is %s, but the run takes %s", startKey, start,
			c.plan.Duration)
	}
}

func (c *checker) workload(path string, w *Workload) {
	c.keysOfKind(path, string(w.Kind), workloadKinds, "kind", "start", "stop")
	c.span(path, "start", w.Start)
	if stop := join(path, "stop"); c.isSet(stop) {
		switch {
		case w.Stop <= w.Start:
			c.refuse(stop, "stop is %s, but start is %s", w.Stop, w.Start)
		case w.Stop > c.plan.Duration:
			c.refuse(stop, "stop is %s, but the run takes %s", w.Stop, c.plan.Duration)
		}
	}
	if w.File != nil && *w.File >= c.plan.Content.Files {
		c.refuse(join(path, "file"), "there is no file %d: content has the files 0 to %d",
			*w.File, c.plan.Content.Files-1)
	}
	if w.Kind != "" && w.Kind != WorkUploads && c.plan.Content.Files == 0 {
		c.refuse(join(path, "kind"), "%s needs content, but content.files is 0", w.Kind)
	}
}

func (c *checker) fault(path string, f *Fault) {
	c.keysOfKind(path, string(f.Kind), faultKinds, "kind", "at")
	c.span(path, "at", f.At)
	if f.Node != nil && *f.Node >= c.plan.Nodes {
		c.refuse(join(path, "node"), "there is no node %d: nodes are 0 to %d", *f.Node,
			c.plan.Nodes-1)
	}
	if f.Kind == FaultMassacre && f.Share == 1 {
		c.refuse(join(path, "share"), "a massacre leaves somebody")
	}
	if n := c.plan.Network; f.Region != "" && (n.Preset == PresetLAN || n.Matrix != "") {
		c.refuse(join(path, "region"), "a network of preset lan or with a matrix has no regions")
	}
}

func (c *checker) assertion(path string, a Assertion) {
	for _, key := range []string{"metric", "op", "value"} {
		if !c.isSet(join(path, key)) {
			c.refuse(path, "an assertion needs %s", key)
			return
		}
	}
	if _, ok := report.Describe(a.Metric); !ok {
		names := make([]string, len(report.All))
		for i, d := range report.All {
			names[i] = string(d.Figure)
		}
		c.refuse(join(path, "metric"), "no figure is called %q: there are %s", a.Metric,
			strings.Join(names, ", "))
	}
}

// Judge fills in what became of the assertions.
func (p *Plan) Judge(r *report.Result) {
	r.Assertions = nil
	for _, a := range p.Assertions {
		judged := report.Assertion{Metric: a.Metric, Op: a.Op, Value: a.Value}
		if got, ok := r.Figures[a.Metric]; ok {
			judged.Got, judged.OK = &got, a.holds(got)
		}
		r.Assertions = append(r.Assertions, judged)
	}
}

func (a Assertion) holds(got float64) bool {
	switch a.Op {
	case ">=":
		return got >= a.Value
	case "<=":
		return got <= a.Value
	case ">":
		return got > a.Value
	case "<":
		return got < a.Value
	case "==":
		return got == a.Value
	}
	panic(fmt.Sprintf("plan: no assertion compares by %q", a.Op))
}
