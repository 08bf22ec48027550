package fleet

// viewError is the share of pairs of living nodes and others in which the
// first is wrong about whether the second is there. A node whose view is
// bounded may leave living ones out.
func (r *run) viewError() float64 {
	wrong, pairs := 0, 0
	for _, m := range r.members {
		if !m.alive {
			continue
		}
		pairs += len(r.members) - 1
		if m.view == nil {
			wrong += len(r.members) - 1
			continue
		}
		full := len(m.view.Members) >= r.config.Network.Membership.MembersMax
		for _, other := range r.members {
			known := m.view.Find(other.id) != nil
			if other != m && known != other.alive && !(full && !known) {
				wrong++
			}
		}
	}
	if pairs == 0 {
		return 0
	}
	return float64(wrong) / float64(pairs)
}
