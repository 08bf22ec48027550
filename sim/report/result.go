package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// Result is what a run gave. Slices are in a fixed order; nil ones are empty.
type Result struct {
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	Nodes    int    `json:"nodes"`
	// Commit is the program's, as it knows it; may be empty.
	Commit string `json:"commit,omitempty"`
	// Command replays the run.
	Command string `json:"command"`

	// VirtualSeconds is the measured span, set-up and liveness phase excluded.
	VirtualSeconds float64 `json:"virtualSeconds"`
	// WallSeconds is how long the measured span took here: the only field
	// that does not follow from plan and seed.
	WallSeconds float64 `json:"wallSeconds"`
	// Events counts the messages that actors handled, in the whole run.
	Events    uint64 `json:"events"`
	TraceHash Hash   `json:"traceHash"`

	// InvariantsChecked counts checks, of every kind together.
	InvariantsChecked  uint64   `json:"invariantsChecked"`
	InvariantsViolated []string `json:"invariantsViolated"`
	// Checks says how often each invariant was checked.
	Checks []Check `json:"checks"`
	// Before are the last faults, and comings and goings of nodes, before a
	// violation, oldest first.
	Before []string `json:"before,omitempty"`
	// LastEvents are the last deliveries before it, oldest first: those from
	// and to the nodes that it names, or of all when it names none.
	LastEvents []string `json:"lastEvents,omitempty"`

	Assertions []Assertion `json:"assertions"`
	Figures    Figures     `json:"figures"`

	// Samples are taken at even intervals of the measured span.
	Samples []Sample `json:"samples"`
	// ReadLatency is the distribution of the reads that succeeded.
	ReadLatency []Share `json:"readLatency"`
	// Deciles tell how many replicas blocks have by how popular they are,
	// the least popular tenth first.
	Deciles []Decile `json:"deciles"`
	// Blocks are blocks drawn at random, at most BlocksShownMax: their
	// replicas against their popularity.
	Blocks    []BlockPoint `json:"blocks"`
	Observers *Observers   `json:"observers,omitempty"`
}

// BlocksShownMax bounds Result.Blocks.
const BlocksShownMax = 2000

// Hash is a trace hash. It is written as 16 hexadecimal digits.
type Hash uint64

func (h Hash) String() string { return fmt.Sprintf("%016x", uint64(h)) }

// MarshalText implements [encoding.TextMarshaler].
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *Hash) UnmarshalText(text []byte) error {
	value, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil {
		return fmt.Errorf("report: trace hash: %w", err)
	}
	*h = Hash(value)
	return nil
}

// Check is an invariant and how often it was checked.
type Check struct {
	Name  string `json:"name"`
	Times uint64 `json:"times"`
}

// Assertion is what the scenario demands of a figure, and what came of it.
type Assertion struct {
	Metric Figure  `json:"metric"`
	Op     string  `json:"op"`
	Value  float64 `json:"value"`
	// Got is nil when the run did not measure the figure.
	Got *float64 `json:"got"`
	OK  bool     `json:"ok"`
}

// Sample is the state of the network at one time. Rates are over the interval
// that ends there.
type Sample struct {
	AtSeconds       float64 `json:"atSeconds"` // since the measured span began
	NodesAlive      int     `json:"nodesAlive"`
	Reads           int     `json:"reads"`
	ReadFailures    int     `json:"readFailures"`
	P50Seconds      float64 `json:"p50Seconds"` // 0 when there were no reads
	P99Seconds      float64 `json:"p99Seconds"`
	BlockBytes      float64 `json:"blockBytes"` // moved for reads
	ReplicaBytes    float64 `json:"replicaBytes"`
	GossipBytes     float64 `json:"gossipBytes"`
	BytesStored     float64 `json:"bytesStored"` // on all disks
	ReplicasMean    float64 `json:"replicasMean"`
	UnderReplicated int     `json:"underReplicated"`
}

// Share is a point of a cumulative distribution.
type Share struct {
	Seconds float64 `json:"seconds"`
	Share   float64 `json:"share"` // of all that took at most Seconds
}

// Decile is a tenth of the blocks, by popularity.
type Decile struct {
	Blocks       int     `json:"blocks"`
	ReadsPerHour float64 `json:"readsPerHour"` // of one block, mean
	Replicas     float64 `json:"replicas"`     // mean
	ReplicasMin  int     `json:"replicasMin"`
	ReplicasMax  int     `json:"replicasMax"`
}

// BlockPoint is a block: how often it was asked for, and its replicas at the
// end of the measured span.
type BlockPoint struct {
	ReadsPerHour float64 `json:"readsPerHour"`
	Replicas     int     `json:"replicas"`
}

// Observers is what nodes that collude could make of what they were asked.
// A guess is right by chance with the odds beside it.
type Observers struct {
	Nodes          int     `json:"nodes"`
	Requests       uint64  `json:"requests"` // that they were asked
	GroupingOdds   float64 `json:"groupingOdds"`
	GroupingChance float64 `json:"groupingChance"`
	NamingOdds     float64 `json:"namingOdds"`
	NamingChance   float64 `json:"namingChance"`
}

// OK reports whether nothing was violated and everything asserted holds.
func (r *Result) OK() bool { return len(r.InvariantsViolated) == 0 && len(r.Missed()) == 0 }

// Missed returns the assertions that do not hold.
func (r *Result) Missed() []Assertion {
	var missed []Assertion
	for _, a := range r.Assertions {
		if !a.OK {
			missed = append(missed, a)
		}
	}
	return missed
}

// WriteJSON writes the result as one JSON object.
func (r *Result) WriteJSON(w io.Writer) error {
	filled := *r
	// Readers in other languages expect lists where lists are empty.
	filled.InvariantsViolated = orEmpty(r.InvariantsViolated)
	filled.Checks = orEmpty(r.Checks)
	filled.Assertions = orEmpty(r.Assertions)
	filled.Samples = orEmpty(r.Samples)
	filled.ReadLatency = orEmpty(r.ReadLatency)
	filled.Deciles = orEmpty(r.Deciles)
	filled.Blocks = orEmpty(r.Blocks)
	if filled.Figures == nil {
		filled.Figures = Figures{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(filled); err != nil {
		return fmt.Errorf("report: write JSON: %w", err)
	}
	return nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
