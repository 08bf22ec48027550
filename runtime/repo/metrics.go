package repo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// meteredBlocks is a block engine that measures what goes through it. No
// metric carries a name or a CID.
type meteredBlocks struct {
	port.BlockEngine
	putSeconds, getSeconds, deleteSeconds      *metrics.Histogram
	putBlocks, putBytes, getBlocks, getBytes   *metrics.Counter
	putErrors, getErrors, deletes, freedByPack *metrics.Counter
}

func newMeteredBlocks(engine port.BlockEngine, set *metrics.Set) *meteredBlocks {
	return &meteredBlocks{
		BlockEngine:   engine,
		putSeconds:    set.NewHistogram("noisefs_store_put_seconds"),
		getSeconds:    set.NewHistogram("noisefs_store_get_seconds"),
		deleteSeconds: set.NewHistogram("noisefs_store_delete_seconds"),
		putBlocks:     set.NewCounter("noisefs_store_put_blocks_total"),
		putBytes:      set.NewCounter("noisefs_store_put_bytes_total"),
		putErrors:     set.NewCounter("noisefs_store_put_errors_total"),
		getBlocks:     set.NewCounter("noisefs_store_get_blocks_total"),
		getBytes:      set.NewCounter("noisefs_store_get_bytes_total"),
		getErrors:     set.NewCounter("noisefs_store_get_errors_total"),
		deletes:       set.NewCounter("noisefs_store_deleted_blocks_total"),
		freedByPack:   set.NewCounter("noisefs_store_compacted_bytes_total"),
	}
}

// Put implements [port.BlockEngine].
func (m *meteredBlocks) Put(blocks []messages.Block) error {
	begin := time.Now()
	err := m.BlockEngine.Put(blocks)
	m.putSeconds.UpdateDuration(begin)
	if err != nil {
		m.putErrors.Inc()
		return err
	}
	m.putBlocks.Add(len(blocks))
	for _, block := range blocks {
		m.putBytes.Add(len(block.Data))
	}
	return nil
}

// Get implements [port.BlockEngine].
func (m *meteredBlocks) Get(cid messages.CID, buf []byte, verify bool) ([]byte, error) {
	begin := time.Now()
	data, err := m.BlockEngine.Get(cid, buf, verify)
	m.getSeconds.UpdateDuration(begin)
	if err != nil {
		m.getErrors.Inc()
		return data, err
	}
	m.getBlocks.Inc()
	m.getBytes.Add(len(data))
	return data, nil
}

// Delete implements [port.BlockEngine].
func (m *meteredBlocks) Delete(cids []messages.CID) error {
	begin := time.Now()
	err := m.BlockEngine.Delete(cids)
	m.deleteSeconds.UpdateDuration(begin)
	if err == nil {
		m.deletes.Add(len(cids))
	}
	return err
}

// Compact implements [port.BlockEngine].
func (m *meteredBlocks) Compact(deadShare float64, stop func() bool) (int64, error) {
	freed, err := m.BlockEngine.Compact(deadShare, stop)
	m.freedByPack.Add(int(freed))
	return freed, err
}

// WriteMetrics writes all metrics in the Prometheus text format.
func (r *Repo) WriteMetrics(ctx context.Context, w io.Writer) {
	metrics.WriteProcessMetrics(w)
	metrics.WriteFDMetrics(w)
	r.metrics.WritePrometheus(w)
	for _, s := range r.Stats() {
		line := func(name string, value any) {
			fmt.Fprintf(w, "noisefs_actor_%s{role=%q} %v\n", name, s.Role, value)
		}
		line("mailbox_messages", s.Depth)
		line("messages_total", s.Messages)
		line("processing_seconds_total", s.Busy.Seconds())
		line("restarts_total", s.Restarts)
	}
	s, err := r.Counters(ctx)
	if err != nil {
		return // the node is stopping
	}
	var problems int64
	if s.Damage != nil {
		problems = s.Damage.Problems
	}
	gauges := []gauge{
		{"noisefs_verify_problems", problems},
		{"noisefs_blocks", s.Blocks},
		{"noisefs_block_bytes", s.BlockBytes},
		{"noisefs_index_bytes", s.IndexBytes},
		{"noisefs_free_bytes", s.FreeBytes},
		{"noisefs_quota_bytes", s.QuotaBytes},
		{"noisefs_randomizers_generated_total", s.RandomizersGenerated},
		{"noisefs_randomizers_reused_total", s.RandomizersReused},
		{"noisefs_slot_a_candidates", s.SlotACandidates},
		{"noisefs_cache_memory_bytes", s.CacheMemoryBytes},
		{`noisefs_cache_blocks_total{tier="memory"}`, s.CacheMemoryHits},
		{`noisefs_cache_blocks_total{tier="disk"}`, s.CacheDiskHits},
		{`noisefs_cache_blocks_total{tier="none"}`, s.CacheMisses},
	}
	if r.network != nil {
		gauges = append(gauges, r.networkGauges(ctx)...)
	}
	for _, g := range gauges {
		fmt.Fprintf(w, "%s %v\n", g.name, g.value)
	}
}

// gauge is a figure that is asked for when somebody looks.
type gauge struct {
	name  string
	value any
}

// networkGauges tells how the node does among others.
func (r *Repo) networkGauges(ctx context.Context) []gauge {
	s, err := r.Network(ctx)
	if err != nil {
		return nil // the node is stopping
	}
	return []gauge{
		{"noisefs_network_members", s.Members},
		{"noisefs_network_connections", s.Connections},
		{"noisefs_network_streams", s.Streams},
		{"noisefs_network_received_bytes_total", s.BytesIn},
		{"noisefs_network_sent_bytes_total", s.BytesOut},
		{"noisefs_network_replicas", s.Replicas},
		{"noisefs_network_under_replicated_blocks", s.UnderReplicated},
		{"noisefs_network_waiting", s.Waiting},
		{"noisefs_network_pushed_blocks_total", s.PushedBlocks},
		{"noisefs_network_fetched_blocks_total", s.FetchedBlocks},
	}
}
