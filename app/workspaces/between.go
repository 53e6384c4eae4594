package workspaces

// Moving says that some desktop is on its way to another state.
func (r *Reconciler) Moving() bool { return r.anyBusy() }

// Between runs fn while no round is under way. Whoever moves the business clock
// and the hosts' clocks does it here, so that no observation is dated by one and
// made by the other.
func (r *Reconciler) Between(fn func()) {
	r.gate.Lock()
	defer r.gate.Unlock()
	fn()
}
