package sim

import "github.com/noisefs/noisefs/runtime/shell"

var (
	_ shell.Behaviour = (*Fake)(nil)
	_ shell.Stopper   = (*Fake)(nil)
)

// Fake is a behaviour made of functions, for the siblings of an actor under
// test. What is nil does nothing.
type Fake struct {
	OnEnv     func(env *shell.Env) // each incarnation, before OnStart
	OnStart   func(ctx shell.Ctx)
	OnReceive func(ctx shell.Ctx, msg any)
	OnDue     func(ctx shell.Ctx, due any)
	OnStop    func(ctx shell.Ctx)
}

// New returns f itself for every incarnation: what it remembers outlives its
// panics, which tests may want and actors must not.
func (f *Fake) New(env *shell.Env) shell.Behaviour {
	if f.OnEnv != nil {
		f.OnEnv(env)
	}
	return f
}

// Start implements [shell.Behaviour].
func (f *Fake) Start(ctx shell.Ctx) {
	if f.OnStart != nil {
		f.OnStart(ctx)
	}
}

// Receive implements [shell.Behaviour].
func (f *Fake) Receive(ctx shell.Ctx, msg any) {
	if f.OnReceive != nil {
		f.OnReceive(ctx, msg)
	}
}

// Due implements [shell.Behaviour].
func (f *Fake) Due(ctx shell.Ctx, due any) {
	if f.OnDue != nil {
		f.OnDue(ctx, due)
	}
}

// Stop implements [shell.Stopper].
func (f *Fake) Stop(ctx shell.Ctx) {
	if f.OnStop != nil {
		f.OnStop(ctx)
	}
}
