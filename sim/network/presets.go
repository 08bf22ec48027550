package network

import (
	"math"
	"time"
)

// Region is where a share of the nodes are.
type Region struct {
	Name     string
	Share    float64 // of the nodes; the shares of a preset add up to 1
	Up, Down int64   // bits per second of the middle node
}

// Preset is a network to draw nodes for. It is data: a scenario may change
// what it likes.
type Preset struct {
	Name, About string
	Options     Options
	// Regions are the rows of Options.Latency. Without them, nodes are drawn
	// evenly over its places, with Up and Down.
	Regions  []Region
	Up, Down int64
	// Spread is how much faster, or slower, than its region's middle a link
	// may be: a factor, drawn log-uniformly. 0 and 1 mean not at all. EvenUp
	// and EvenDown except a direction.
	Spread           float64
	EvenUp, EvenDown bool
	// DelayMin and DelayMax bound what access links add to the latency.
	DelayMin, DelayMax time.Duration
	// Undialable is the share of nodes that cannot be connected to.
	Undialable float64
	// Wireless is the share of nodes with bursts of loss, and Burst theirs.
	Wireless float64
	Burst    Burst
	// Hubs is the share of nodes that others may connect to in the
	// topologies that know hubs.
	Hubs float64
}

// sixRegionsMS are round trips between North America, Europe, South America,
// Asia-Pacific, Japan and Australia, in milliseconds (2019). SimBlock applies
// them one way, but they agree with the round trips that WonderNetwork
// measured between cities in 2018, and so are taken as such.
// Source: dsg-titech/simblock, settings/NetworkConfiguration.java, commit
// 5fc7f9f (Apache-2.0), and so are the rates and shares of sixRegions.
var sixRegionsMS = [6][6]float64{
	{32, 124, 184, 198, 151, 189},
	{124, 11, 227, 237, 252, 294},
	{184, 227, 88, 325, 301, 322},
	{198, 237, 325, 85, 58, 198},
	{151, 252, 301, 58, 12, 126},
	{189, 294, 322, 198, 126, 16},
}

// sixRegions have the shares of Bitcoin's nodes, made to add up to 1.
func sixRegions() []Region {
	return []Region{
		{"north-america", 0.3316, 19_200_000, 52_000_000},
		{"europe", 0.4998, 20_700_000, 40_000_000},
		{"south-america", 0.0090, 5_800_000, 18_000_000},
		{"asia-pacific", 0.1177, 15_700_000, 22_800_000},
		{"japan", 0.0224, 10_200_000, 22_800_000},
		{"australia", 0.0195, 11_300_000, 29_900_000},
	}
}

func sixRegionsMatrix() *Matrix {
	rows := make([][]float64, len(sixRegionsMS))
	for i := range sixRegionsMS {
		rows[i] = sixRegionsMS[i][:]
	}
	m, err := NewMatrix(rows)
	if err != nil {
		panic(err) // the figures above are good, or a test fails
	}
	return m
}

// Presets returns the networks that are known by name. Figures without a
// source in a comment are general knowledge, rounded.
func Presets() []Preset {
	return []Preset{lan(), planetlab(), internet(), ipfs2022(), stableServers()}
}

// PresetNamed returns a preset by name.
func PresetNamed(name string) (Preset, bool) {
	for _, p := range Presets() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}

// lan is one switch.
func lan() Preset {
	matrix, err := NewMatrix([][]float64{{0.2}})
	if err != nil {
		panic(err)
	}
	return Preset{
		Name: "lan", About: "one switch: 0.2 ms round trip, 1 Gbit/s, no loss",
		Options: Options{Latency: matrix, Jitter: 0.05},
		Regions: []Region{{"lan", 1, 1e9, 1e9}},
		Hubs:    0.1,
	}
}

// planetlab is a testbed of universities. Its matrix is Zhu et al., IEEE/ACM
// ToN 25(2), 2017 (uofa-rzhu3/NetLatency-Data, MIT), which the caller reads;
// until WithMatrix has it, the six regions stand in. Jitter is the median
// mean deviation between cities (WonderNetwork 2018).
func planetlab() Preset {
	return Preset{
		Name: "planetlab", About: "universities: measured round trips, 100 Mbit/s each way",
		Options: Options{Latency: sixRegionsMatrix(), Jitter: 0.006, Loss: 0.001, DialRounds: 2},
		Regions: sixRegions(), Up: 100e6, Down: 100e6,
		Hubs: 0.1,
	}.evenRates()
}

// evenRates gives each region the preset's own rates.
func (p Preset) evenRates() Preset {
	for i := range p.Regions {
		p.Regions[i].Up, p.Regions[i].Down = p.Up, p.Down
	}
	return p
}

// internet is homes on six continents. Jitter is the 90th percentile between
// cities (WonderNetwork 2018); delays of access links are those of cable and
// DSL; bursts are 1 % loss in the mean, as of mobile and wireless links.
func internet() Preset {
	return Preset{
		Name: "internet", About: "homes in six regions: asymmetric links, loss, some of it in bursts",
		Options: Options{
			Latency: sixRegionsMatrix(), Jitter: 0.076, Loss: 0.002,
			Duplicate: 0.0005, Reorder: 0.001, ReorderDelay: 20 * time.Millisecond, DialRounds: 2,
		},
		Regions: sixRegions(), Spread: 2,
		DelayMin: 2 * time.Millisecond, DelayMax: 15 * time.Millisecond,
		Undialable: 0.3, Wireless: 0.3,
		Burst: Burst{Good: 9500 * time.Millisecond, Bad: 500 * time.Millisecond, BadLoss: 0.2},
		Hubs:  0.1,
	}
}

// ipfs2022 is the internet with the personal devices and the routers that
// the public IPFS network had. Round trips to personal devices had a median
// of 0.22 s (Seattle, 99 nodes); its churn is another preset.
func ipfs2022() Preset {
	p := internet()
	p.Name, p.About = "ipfs-2022", "as internet, with slower links and more nodes behind routers"
	p.DelayMin, p.DelayMax = 5*time.Millisecond, 80*time.Millisecond
	p.Spread, p.Undialable, p.Options.DialRounds = 4, 0.45, 4
	return p
}

// stableServers is rented machines in the same regions.
func stableServers() Preset {
	p := internet()
	p.Name, p.About = "stable-servers", "rented machines in six regions: 1 Gbit/s, little loss"
	p.Up, p.Down, p.Spread = 1e9, 1e9, 1
	p.DelayMin, p.DelayMax = 0, time.Millisecond
	p.Undialable, p.Wireless = 0, 0
	p.Options.Loss, p.Options.Jitter = 0.0001, 0.006
	return p.evenRates()
}

// WithMatrix returns the preset with measured latencies between places, over
// which nodes are drawn evenly, each place a region of its own. Rates are
// Up and Down, or where those are 0 the first region's.
func (p Preset) WithMatrix(m *Matrix) Preset {
	if p.Up == 0 && p.Down == 0 && len(p.Regions) > 0 {
		p.Up, p.Down = p.Regions[0].Up, p.Regions[0].Down
	}
	p.Options.Latency, p.Regions = m, nil
	return p
}

// Link draws the link of the i-th node. Another seed draws others; more
// nodes change none of those before.
func (p Preset) Link(seed uint64, i int) Link {
	d := keyed(seed, hashPreset, uint64(i))
	link := Link{Up: p.Up, Down: p.Down}
	link.Place = p.place(&d)
	link.Region = link.Place
	if len(p.Regions) > 0 {
		link.Up, link.Down = p.Regions[link.Place].Up, p.Regions[link.Place].Down
	}
	factor := math.Pow(max(1, p.Spread), 2*d.share()-1)
	if !p.EvenUp {
		link.Up = int64(float64(link.Up) * factor)
	}
	if !p.EvenDown {
		link.Down = int64(float64(link.Down) * factor)
	}
	link.Delay = p.DelayMin + time.Duration(d.share()*float64(p.DelayMax-p.DelayMin))
	undialable := d.share() < p.Undialable
	if d.share() < p.Wireless {
		link.Burst = p.Burst
	}
	link.Hub = d.share() < p.Hubs
	link.Undialable = undialable && !link.Hub // a hub that none can call is none
	return link
}

// place draws a region by its share, or any place.
func (p Preset) place(d *draws) int {
	if len(p.Regions) == 0 {
		return d.below(max(1, p.Options.Latency.Places()))
	}
	share := d.share()
	for i := range p.Regions {
		if share -= p.Regions[i].Share; share < 0 {
			return i
		}
	}
	return len(p.Regions) - 1
}
